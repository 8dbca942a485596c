"""A local Flex: Twilio's wire for users, Workers and configuration, a database behind it, and a page to look at.

It exists so that the client can be proved without an account. It imports nothing else of flexres: were the two
to share a misreading of the wire, the mistake would cancel itself out.

What it does
- Flex users: v1 list (pages of up to 1,000), v4 by Username, by SID, Provision, Deprovision, Tokens; v2 get and
  update; Teams. Typed attributes on Provision (`name.int`, `name.stringarray`, …) and `channel.*` claims, with
  nothing changed when one is wrong.
- Flex Configuration: get, update, and the public part that needs no credentials.
- TaskRouter: the Workspace, its activities and task channels, Workers (list with filters and pages, create,
  fetch, update, delete, ETag and If-Match, names unique whatever their case; by queue and by expression), Worker
  channels, reservations, task queues with their expressions (parsed and evaluated), Workflows (their shape checked),
  and Events: every change of these, with who made it, from where and when, for thirty days.
- The published limits: 4,096 characters of attributes, names of 64, capacities to 50, 15,000 Workers, 15 task
  channels, 5,000 queues, 1,000 Workflows of 1 MB, and 3 requests a second for Workers by expression and queues by
  attributes (see `limits`); on request some for every resource of TaskRouter, with `X-Rate-Limit-*` headers, and a
  neighbour who spends from them.
- Enhanced single sign-on from end to end (see `sso`): Authentication/Config, Authorize with PKCE, the SAML request and
  the assertion consumer with its checks, claims into Workers, codes and refresh tokens, Tokens/Info, the session
  endpoint, CORS, trusted URLs. Of legacy SSO, where a login would begin. An identity provider to sign in with (see
  `idp`), which can also answer wrongly; a demo app; and a settings contract that is ours, not Twilio's.
- HTTP Basic credentials, Twilio's error bodies and codes, its request headers. Routing is by path alone, so one
  loopback port stands for all of Twilio's hosts.
- State in one SQLite file, committed at each write: it survives a restart and a killed process.
- Faults on request (see `faults`), latency, and a request log. What Twilio leaves undocumented is a switch (see
  `switches`), so that a client can be run against both answers.

What it does not do
- It routes no work: Workflows and queues are kept, and there are no tasks. A Worker is made busy through
  `/_sandbox/workers/{sid}/busy`, which gives it accepted reservations; they do not end by themselves.
- Activities and the one team are fixed, and can be read, not written; task channels can be added.
- Ordering is refused with a sentence, never ignored. Queues have no statistics. Who an Event names, and how long
  Events are kept, is not published: the words are ours. A new name of a Worker or a queue is no documented Event.
- No Insights, no Conversations, no plugins, no billing, no webhooks. No ETag on lists.
- `Locale` and `UserSid` of v2 are stored and given back, nothing more.
- A Flex token opens the Configuration and its holder's own Worker, to read, whatever the roles. It is opaque text.
- No login through Console, no single logout, no encrypted assertions. A login at Flex leaves no session: each one goes
  to the identity provider. `team_member` and `team_owner` are attributes like any other.
- How Twilio words a login that failed in the browser is not published: the pages, and their words, are ours.
- It speaks plain HTTP on 127.0.0.1 only, under loopback names alone, and its own endpoints refuse pages from elsewhere.
  It checks one fixed pair of credentials that everybody knows: whoever uses this machine can do everything in it.
"""
