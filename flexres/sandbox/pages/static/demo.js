// Signs in to Flex the way Flex UI does: by redirect or in a window, with PKCE; then shows who came back.
"use strict";

const app = document.getElementById("app");
const place = (id) => document.getElementById(id);
const here = location.origin + location.pathname;
const KEPT = "flex-demo-login";
let tokens = null;

const encode = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = (length) => encode(crypto.getRandomValues(new Uint8Array(length)));

async function ask(path, options = {}) {
  const response = await fetch(path, options);
  const body = await response.json();
  if (!response.ok) throw new Error(`${body.message}${body.code ? ` (${body.code})` : ""}`);
  return body;
}

const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

async function beginning() {
  const { config_list } = await ask(`/v1/Flex/Authentication/Config?AccountSid=${app.dataset.account}`);
  const connection = config_list.find((one) => one.active);
  if (!connection) throw new Error("No SSO connection is active for this account.");
  const verifier = random(48);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const login = { verifier, nonce: random(24), state: random(16), connection: connection.sso_profile_sid };
  const url = new URL("/v1/Flex/Authorize", location.origin);
  url.search = new URLSearchParams({
    redirectUrl: here,
    nonce: login.nonce,
    codeChallenge: encode(new Uint8Array(digest)),
    state: login.state,
    ssoProfileSid: login.connection,
  });
  return { login, url: url.href };
}

async function finish(login, query) {
  if (query.get("error")) throw new Error(query.get("error_description") || query.get("error"));
  if (!login || query.get("state") !== login.state) throw new Error("This is not the login that was begun here.");
  tokens = await post("/v1/Flex/OAuth/Tokens", {
    sso_profile_sid: login.connection,
    code: query.get("code"),
    code_verifier: login.verifier,
    nonce: login.nonce,
    grant_type: "AuthorizationCode",
  });
  tokens.connection = login.connection;
  await show();
}

async function show() {
  const form = new URLSearchParams({ Token: tokens.access_token });
  const authorization = `Basic ${btoa(`token:${tokens.access_token}`)}`;
  const info = await ask(`/v1/Accounts/${app.dataset.account}/Tokens/Info`, { method: "POST", body: form });
  const worker = await ask(`/v1/Workspaces/${app.dataset.workspace}/Workers/${info.worker_sid}`, {
    headers: { Authorization: authorization },
  });
  fill("token", { Roles: info.roles.join(", "), "Token until": info.expiration, Worker: info.worker_sid });
  fill("attributes", JSON.parse(worker.attributes));
  place("title").textContent = info.identity;
  place("in").hidden = false;
  place("out").hidden = true;
  place("problem").hidden = true;
}

function fill(id, values) {
  place(id).replaceChildren(
    ...Object.entries(values).map(([name, value]) => {
      const row = document.createElement("div");
      row.append(document.createElement("dt"), document.createElement("dd"));
      row.firstChild.textContent = name;
      row.lastChild.textContent = typeof value === "string" ? value : JSON.stringify(value);
      return row;
    }),
  );
}

function complain(error) {
  place("problem").textContent = error.message;
  place("problem").hidden = false;
}

async function byRedirect() {
  const { login, url } = await beginning();
  sessionStorage.setItem(KEPT, JSON.stringify(login));
  location.assign(url);
}

async function byWindow() {
  // Opened before anything is awaited: browsers allow a window only as a direct answer to a click.
  const popup = window.open("", "flex-login", "width=480,height=720");
  if (!popup) throw new Error("The browser did not open a window. Allow pop-ups for this page.");
  const { login, url } = await beginning();
  popup.location.replace(url);
  const query = await new Promise((resolve) => {
    window.addEventListener("message", function heard(event) {
      if (event.origin !== location.origin || event.source !== popup) return;
      window.removeEventListener("message", heard);
      resolve(new URLSearchParams(event.data));
    });
  });
  popup.close();
  await finish(login, query);
}

async function refresh() {
  const { connection } = tokens;
  tokens = await post("/v1/Flex/OAuth/Tokens", {
    sso_profile_sid: connection,
    refresh_token: tokens.refresh_token,
    grant_type: "RefreshToken",
  });
  tokens.connection = connection;
  await show();
}

const guarded = (action) => () => action().catch(complain);
const inWindow = app.dataset.popup === "true";
place("sign-in").addEventListener("click", guarded(inWindow ? byWindow : byRedirect));
place("sign-in-window").addEventListener("click", guarded(byWindow));
place("sign-in-window").hidden = inWindow;
place("refresh").addEventListener("click", guarded(refresh));
place("sign-out").addEventListener("click", () => location.assign(here));

const query = new URLSearchParams(location.search);
if (query.has("code") || query.has("error")) {
  if (window.opener && window.name === "flex-login") {
    window.opener.postMessage(location.search, location.origin);
  } else {
    const login = JSON.parse(sessionStorage.getItem(KEPT) || "null");
    sessionStorage.removeItem(KEPT);
    // A code is for one use: reloading the page must not send it again.
    history.replaceState(null, "", here);
    finish(login, query).catch(complain);
  }
}
