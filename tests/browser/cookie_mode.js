// Plays the life of a session in a cookie, with a real browser, against a server:
//   CHROMIUM=PATH node cookie_mode.js GRAPHQL_URL LISTED_PORT FOREIGN_PORT
// The pages of both ports are served here; http://localhost:LISTED_PORT is in ALLOWED_ORIGINS.
import { randomUUID } from 'node:crypto';
import { open, play, servePages, shows } from './stage.js';

const [url, listedPort, foreignPort] = process.argv.slice(2);
const LISTED = `http://localhost:${listedPort}`;
// Another port is another origin, but no other site: there the browser does attach the cookie.
const FOREIGN_ORIGIN = `http://localhost:${foreignPort}`;
const FOREIGN_SITE = `http://127.0.0.1:${foreignPort}`;

const REGISTER = `mutation {
  session: register(input: {
    firstName: "Ada", lastName: "Lovelace", email: "ada.${randomUUID()}@example.com",
    password: "correct horse battery staple", useCookie: true
  }) { token refreshToken }
}`;
const REFRESH = 'mutation { session: refreshToken { token refreshToken } }';
const LOGOUT = 'mutation { logout }';
const WELCOME = '{ welcome }';

const REFRESH_COOKIE = 'refresh-token';
const ATTRIBUTES = {
  domain: 'localhost',
  path: '/',
  httpOnly: true,
  secure: false,
  sameSite: 'Strict',
};

/** Sends a request from a page; returns what the page learns, an error by its name. */
function send(page, options) {
  return page.evaluate(
    async ([url, options]) => {
      const signal = AbortSignal.timeout(30_000);
      const request = { method: 'POST', credentials: 'include', signal, ...options };
      try {
        const response = await fetch(url, request);
        return response.type === 'opaque' ? response.type : await response.json();
      } catch (error) {
        if (signal.aborted) throw error;
        return error.name;
      }
    },
    [url, options],
  );
}

function ask(page, query, token) {
  const headers = { 'Content-Type': 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  return send(page, { headers, body: JSON.stringify({ query }) });
}

const refusal = (answer) => answer.errors?.[0].extensions ?? {};

/** Asks for an access token, which has to come alone, and to work. */
async function tokenFrom(page, query, sentence) {
  const answer = await ask(page, query);
  const token = answer.data?.session?.token;
  shows(sentence, answer, { data: { session: { token, refreshToken: null } } });
  const welcomed = await ask(page, WELCOME, token);
  shows(`${sentence}, and the token works`, welcomed, { data: { welcome: 'Welcome 🙌' } });
  return token;
}

const refreshCookie = async (context) =>
  (await context.cookies()).find(({ name }) => name === REFRESH_COOKIE);

async function register(context, page, ownPage) {
  const token = await tokenFrom(page, REGISTER, 'register answers no refresh token');
  const cookies = (await context.cookies()).map(({ value, expires, ...rest }) => rest);
  const expected = ['device-token', REFRESH_COOKIE].map((name) => ({ name, ...ATTRIBUTES }));
  cookies.sort((one, other) => one.name.localeCompare(other.name));
  shows('the browser has two cookies, and they are for the server alone', cookies, expected);
  for (const any of [page, ownPage]) {
    const seen = await any.evaluate(() => document.cookie);
    shows(`no script of ${any.url()} sees the cookie`, seen, '');
  }
  return token;
}

async function refresh(context, page, token) {
  const before = await refreshCookie(context);
  const another = await tokenFrom(page, REFRESH, 'the cookie is enough to refresh');
  const after = await refreshCookie(context);
  shows('a refresh gives another access token', another !== token, true);
  shows('a refresh gives another cookie', after?.value !== before?.value, true);
}

async function refreshAtOnce(tabs) {
  await Promise.all(tabs.map((tab) => tokenFrom(tab, REFRESH, 'two tabs refresh at once')));
  for (const tab of tabs) {
    await tokenFrom(tab, REFRESH, 'two tabs that have refreshed at once go on refreshing');
  }
}

/** Resolves to the cookies of the next request that a page sends as text. */
function cookiesSent(network) {
  // Playwright does not tell them where the browser withholds the answer from the page.
  return new Promise((resolve) => {
    network.on('Network.requestWillBeSentExtraInfo', ({ headers }) => {
      if (headers['Content-Type'] === 'text/plain') resolve(headers.Cookie?.split('; ').sort());
    });
  });
}

/** Tries from a foreign page whatever needs nothing but the cookie. */
async function attack(context, origin, cookies) {
  const page = await open(context, origin, []);
  const network = await context.newCDPSession(page);
  await network.send('Network.enable');
  const text = { mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } };
  for (const query of [REFRESH, LOGOUT]) {
    shows(`${origin} cannot send JSON`, await ask(page, query), 'TypeError');

    const [learned, response, sent] = await Promise.all([
      send(page, { ...text, body: JSON.stringify({ query }) }),
      page.waitForResponse(url),
      cookiesSent(network),
    ]);
    shows(`${origin} learns nothing from what it sends as text`, learned, 'opaque');
    shows(`what ${origin} sends as text is refused`, response.status(), 415);
    shows('the browser attaches the cookie on the same site only', sent, cookies);
  }
}

async function logOut(context, page, token) {
  const answer = await ask(page, LOGOUT);
  shows('the cookie is enough to log out', answer, { data: { logout: true } });
  shows('a logout takes the cookie back', await refreshCookie(context), undefined);
  const unrefreshed = await ask(page, REFRESH);
  shows('a logout ends refreshing', refusal(unrefreshed).code, 'UNAUTHENTICATED');
  const revoked = { code: 'UNAUTHENTICATED', reason: 'TOKEN_REVOKED' };
  shows('a logout ends the access token', refusal(await ask(page, WELCOME, token)), revoked);
}

async function story(browser) {
  const context = await browser.newContext();
  const errors = [];
  const page = await open(context, LISTED, errors);
  const secondTab = await open(context, LISTED, errors);
  const ownPage = await open(context, url, errors);

  const token = await register(context, page, ownPage);
  await refresh(context, page, token);
  await refreshAtOnce([page, secondTab]);
  await tokenFrom(ownPage, REFRESH, 'a page of the server itself refreshes');

  const cookies = await context.cookies();
  const sent = cookies.map(({ name, value }) => `${name}=${value}`).sort();
  await attack(context, FOREIGN_ORIGIN, sent);
  await attack(context, FOREIGN_SITE, undefined);
  shows('foreign pages leave the cookie as it was', await context.cookies(), cookies);
  const last = await tokenFrom(page, REFRESH, 'foreign pages leave the session as it was');

  await logOut(context, page, last);
  shows('no console of a page that may ask shows an error', errors, []);
}

await servePages(listedPort);
await servePages(foreignPort);
await play(story);
