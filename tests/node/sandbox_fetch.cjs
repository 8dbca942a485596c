// Twilio's SDK in Node, led to the sandbox: it has its hosts built in and looks for a browser's `window`.
"use strict";

// Gives the addresses that were asked for, and the fetch that leads nowhere else.
exports.lead = (sandbox) => {
  const asked = [];
  const fetched = globalThis.fetch;
  const toSandbox = (address) => String(address).replace(/^https:\/\/[a-z-]+\.twilio\.com/, sandbox);
  globalThis.window = globalThis;
  globalThis.fetch = (address, options) => {
    asked.push(`${options?.method ?? "GET"} ${String(address).replace(/\?.*/, "")}`);
    return fetched(toSandbox(address), options);
  };
  return { asked, ask: (address, options) => fetched(toSandbox(address), { redirect: "manual", ...options }) };
};

// What a browser and a person do: follow to the identity provider, sign in, and post its response to Flex.
exports.signIn = async (ask, loginUrl, username) => {
  const asking = new URL((await ask(loginUrl)).headers.get("location"));
  const form = new URLSearchParams({ username, ...Object.fromEntries(asking.searchParams) });
  const page = await (await ask(asking.origin + asking.pathname, { method: "POST", body: form })).text();
  const field = (name) => page.match(new RegExp(`name="${name}" value="([^"]*)"`))[1];
  const consumer = page.match(/action="([^"]*)"/)[1].replaceAll("&amp;", "&");
  const body = new URLSearchParams({ SAMLResponse: field("SAMLResponse"), RelayState: field("RelayState") });
  const step = await ask(consumer, { method: "POST", body });
  const back = await ask(new URL(step.headers.get("location"), consumer));
  return new URL(back.headers.get("location"));
};
