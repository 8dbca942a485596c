// What the front page does beyond showing: faults, switches, the search key, and keeping up to date.
"use strict";

const place = (id) => document.getElementById(id);

async function send(path, method, body) {
  const response = await fetch(path, { method, body });
  if (response.ok) return;
  throw new Error((await response.json()).message);
}

async function refresh() {
  const text = await (await fetch(location.href)).text();
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    part.replaceChildren(...fresh.getElementById(part.id).childNodes);
  }
}

function complain(error) {
  place("fault-problem").textContent = error.message;
  place("fault-problem").hidden = false;
}

place("add-fault").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  place("fault-problem").hidden = true;
  send("/_sandbox/faults", "POST", form.fault.value)
    .then(() => form.reset())
    .then(refresh)
    .catch(complain);
});

place("clear-faults").addEventListener("click", () => {
  place("fault-problem").hidden = true;
  send("/_sandbox/faults", "DELETE").then(refresh).catch(complain);
});

for (const control of document.querySelectorAll("[data-switch]")) {
  control.addEventListener("change", () => {
    const value = JSON.parse(control.value);
    send("/_sandbox/switches", "POST", JSON.stringify({ [control.dataset.switch]: value }))
      .then(() => control.closest("label").classList.add("turned"))
      .catch(complain);
  });
}

let timer = 0;
place("live").addEventListener("change", (event) => {
  clearInterval(timer);
  if (event.target.checked) timer = setInterval(() => refresh().catch(() => {}), 2000);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  document.querySelector("#users input[type=search]").focus();
});
