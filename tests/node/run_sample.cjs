// Runs the sample of docs/authentication.md, given on stdin, twice as a browser would: before and after the login.
"use strict";

const [sandbox, accountSid, username] = process.argv.slice(2);
const { lead, signIn: signInAtTheProvider } = require("./sandbox_fetch.cjs");

const { ask } = lead(sandbox);
const kept = new Map();
let assigned = "";
globalThis.sessionStorage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, value),
  removeItem: (name) => kept.delete(name),
};
globalThis.history = { replaceState: () => {} };
const at = (url) => {
  const { origin, pathname, search } = new URL(url);
  globalThis.location = { origin, pathname, search, assign: (address) => (assigned = address) };
};

// The SDK can be required in Node, not imported.
const sample = require("node:fs")
  .readFileSync(0, "utf8")
  .replace(/import (\{[^}]+\}) from ("[^"]+")/, "const $1 = require($2)")
  .replace("export async function", "async function");
const signIn = new Function("require", `${sample}; return signIn;`)(require);

async function main() {
  at(`${sandbox}/demo/app`);
  const before = await signIn(accountSid);
  at(await signInAtTheProvider(ask, assigned, username));
  const client = await signIn(accountSid);
  const again = await signIn(accountSid).catch((error) => error.message);
  return { before: before ?? null, client: typeof client.execute, again };
}

main().then(
  (result) => {
    console.log(JSON.stringify(result));
    process.exit(0);
  },
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
