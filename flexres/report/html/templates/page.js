"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [AS_DECLARED, NOT_DECLARED, NO_TEAM, NOTHING] = ["as declared", "not declared", "in no file here", "–"];
  const STEP = 60;
  const byId = (id) => document.getElementById(id);
  const list = byId("rows"), more = byId("more"), count = byId("count");
  const query = byId("query"), team = byId("team"), result = byId("result");

  const people = data.rows.map((row) => {
    const [name, full, teamOf, roles, kind, place = "", said = "", lines = [], risks = [], outcome = 0, elsewhere = 0] = row;
    return {
      name, full, place, said, lines, risks, elsewhere,
      team: data.teams[teamOf], roles: data.roles[roles], kind: data.kinds[kind][0], sign: data.kinds[kind][1],
      result: data.results[outcome], words: "",
    };
  });
  const changes = (person) => person.kind !== AS_DECLARED && person.kind !== NOT_DECLARED;
  const tests = new Map([
    [data.all, changes],
    ["at risk", (person) => person.risks.length > 0],
    ...data.kinds.map(([kind]) => [kind, (person) => person.kind === kind]),
    ["not from this change", (person) => person.elsewhere === 1],
    ["everybody", () => true],
  ]);

  function words(person) {
    if (!person.words) {
      const told = [person.name, person.full, person.team, person.roles, person.kind, person.place, person.said,
        person.result, ...person.risks, ...person.lines.flat()];
      person.words = told.join("\n").toLowerCase();
    }
    return person.words;
  }

  function make(tag, name, text) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text) element.textContent = text;
    return element;
  }

  function line([label, before, after, why]) {
    const item = make("li");
    item.append(make("span", "label", label));
    const value = make("span", "value");
    if (before) value.append(make(after && before !== NOTHING ? "del" : "span", "", before));
    if (before && after) value.append(" → ");
    if (after) value.append(make(before && after !== NOTHING ? "ins" : "span", "", after));
    item.append(value);
    if (why) item.append(make("span", "why", why));
    return item;
  }

  function row(person) {
    const item = make("li", "person k-" + person.kind.replaceAll(" ", "-"));
    const who = make("p", "who");
    const sign = make("span", "sign", person.sign);
    sign.setAttribute("aria-hidden", "true");
    who.append(sign, make("bdi", "name", person.name), " ", make("span", "kind", person.kind));
    for (const risk of person.risks) who.append(" ", make("span", "badge", risk));
    if (person.result) who.append(" ", make("span", "badge r-" + person.result.replaceAll(" ", "-"), person.result));
    if (person.elsewhere) who.append(" ", make("span", "badge quiet", "not from this change"));
    item.append(who);
    const facts = [person.full, person.roles, person.place || (person.team === NO_TEAM ? "" : person.team)];
    item.append(make("p", "meta", facts.filter(Boolean).join(" · ")));
    if (person.said) item.append(make("p", "said", person.said));
    if (person.lines.length) {
      const fields = make("ul", person.lines.every((one) => !one[1]) ? "fields flow" : "fields");
      fields.append(...person.lines.map(line));
      item.append(fields);
    }
    return item;
  }

  let found = [];
  let shown = 0;

  function show() {
    const next = found.slice(shown, shown + STEP);
    const first = shown;
    list.append(...next.map(row));
    shown += next.length;
    const left = found.length - shown;
    more.hidden = left === 0;
    more.textContent = `Show ${Math.min(STEP, left)} more of ${left.toLocaleString("en")}`;
    return list.children[first];
  }

  function filter() {
    const test = tests.get(document.querySelector("#kinds input:checked").value);
    const asked = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = people.filter((person) => test(person)
      && (!team.value || person.team === team.value)
      && (!result.value || person.result === result.value)
      && asked.every((word) => words(person).includes(word)));
    shown = 0;
    list.replaceChildren();
    show();
    const of = people.length.toLocaleString("en");
    count.textContent = found.length ? `${found.length.toLocaleString("en")} of ${of}` : `Nobody of ${of} matches.`;
  }

  function choices(select, all, texts) {
    select.append(new Option(all, ""), ...texts.filter(Boolean).map((text) => new Option(text, text)));
  }

  function kinds() {
    const some = people.some(changes);
    for (const [name, test] of tests) {
      const number = people.reduce((sum, person) => sum + (test(person) ? 1 : 0), 0);
      if (!number) continue;
      const label = make("label");
      const input = make("input");
      input.type = "radio";
      input.name = "kind";
      input.value = name;
      input.checked = name === (some ? data.all : "everybody");
      label.append(input, make("span", "", `${name} ${number.toLocaleString("en")}`));
      byId("kinds").append(label);
    }
  }

  if (people.length) {
    choices(team, "all teams", [...new Set(data.teams)].sort((a, b) => a.localeCompare(b, "en")));
    choices(result, "every outcome", data.results);
    byId("result-choice").hidden = data.results.length < 2;
    kinds();
    byId("filters").hidden = false;
    byId("filters").addEventListener("input", filter);
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    more.addEventListener("click", () => {
      const first = show();
      first.tabIndex = -1;
      first.focus({ preventScroll: true });
    });
    filter();
  } else {
    count.textContent = "Nobody is declared here, and nobody is in Flex.";
  }
})();
