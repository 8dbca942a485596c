// The login of an application with Twilio's SDK, from the connection to the client, against the sandbox.
"use strict";

const [sandbox, accountSid, username] = process.argv.slice(2);
const { lead, signIn } = require("./sandbox_fetch.cjs");

const { asked, ask } = lead(sandbox);
const { createClient, exchangeToken, getAuthenticationConfig, getLoginDetails } = require("@twilio/flex-sdk");

async function main() {
  const { configList } = await getAuthenticationConfig({ accountSid });
  const { clientId, ssoProfileSid } = configList.find((one) => one.active);
  const details = getLoginDetails({ clientId, ssoProfileSid, redirectUrl: `${sandbox}/demo/app` });
  const landed = await signIn(ask, details.loginUrl, username);
  const code = landed.searchParams.get("code");
  const { codeVerifier, nonce, state } = details;
  const tokens = await exchangeToken({ code, codeVerifier, nonce, ssoProfileSid });
  const client = await createClient(tokens.accessToken);
  const refusal = await exchangeToken({ code, codeVerifier, nonce, ssoProfileSid }).catch((error) => error);
  return {
    stateIsOurs: landed.searchParams.get("state") === state,
    identity: tokens.tokenInfo.identity,
    roles: tokens.tokenInfo.roles,
    client: typeof client.execute,
    secondExchange: { code: refusal.code, message: refusal.message },
    asked,
  };
}

main().then(
  (result) => {
    console.log(JSON.stringify(result));
    process.exit(0); // the SDK keeps timers for its session
  },
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
