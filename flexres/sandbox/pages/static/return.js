// Carries the identity provider's response on, as SAML's HTTP-POST binding does it.
document.getElementById("return").submit();
