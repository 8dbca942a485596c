// Written by flexres for stack id __STACK_ID__. Change the YAML instead: the next apply puts this back.
// It sends what app_metadata.flex holds to Twilio Flex, and does nothing for any other application. It lets in the users
// of one connection alone: of others nobody has looked at what they keep.

const STACK_ID = __STACK__;
const CONNECTION = __CONNECTION__;
const PROVIDED = __CLAIMS__; // [key in app_metadata.flex, name of the claim]
const NAME_ID = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";

const asList = (value) => {
  const items = Array.isArray(value) ? value : typeof value === "string" ? value.split(",") : [];
  return items.filter((item) => typeof item === "string").map((item) => item.trim()).filter((item) => item !== "");
};

// Flex splits lists by commas and reads true, false and numbers from their text.
const asText = (value) => (Array.isArray(value) ? value.map(String).join(",") : String(value));

exports.onExecutePostLogin = async (event, api) => {
  const metadata = (event.client && event.client.metadata) || {};
  if (metadata.flexres !== STACK_ID) return;

  if (!event.connection || event.connection.name !== CONNECTION) {
    api.access.deny("Twilio Flex takes no login of this connection. Please sign in the way your colleagues do.");
    return;
  }

  const user = event.user;
  const found = (user.app_metadata || {}).flex;
  const flex = found && typeof found === "object" && !Array.isArray(found) ? found : {};
  const roles = asList(flex.roles);
  if (roles.length === 0) {
    api.access.deny("You have no role in Twilio Flex. Please ask whoever manages its users to give you one.");
    return;
  }

  const texts = [flex.email, flex.name_id, flex.full_name];
  if (texts.some((value) => value !== undefined && value !== null && typeof value !== "string")) {
    api.access.deny("What is kept of you for Twilio Flex is damaged. Please tell whoever manages its users.");
    return;
  }
  const email = flex.email || user.email;
  // Without this the NameID is Auth0's own id, and Flex would make a second, billed user of that name.
  api.samlResponse.setAttribute(NAME_ID, flex.name_id || email);
  api.samlResponse.setNameIdentifierProbes([NAME_ID]);
  api.samlResponse.setAttribute("email", email);
  api.samlResponse.setAttribute("full_name", flex.full_name || user.name || email);
  api.samlResponse.setAttribute("roles", roles);

  for (const [key, name] of PROVIDED) {
    const own = flex[key];
    const value = own === undefined && key === "image_url" ? user.picture : own;
    // A claim that is left out leaves the Worker's attribute as it is; an empty one clears it.
    if (value !== undefined && value !== null) api.samlResponse.setAttribute(name, asText(value));
  }
};
