// Signs in from pages of a frontend's development server, against `serve --dev`:
//   CHROMIUM=PATH node dev_mode.js GRAPHQL_URL PORT
// The pages of the port are served here. No setting lists their origins.
import { randomUUID } from 'node:crypto';
import { open, play, servePages, shows } from './stage.js';

const [url, port] = process.argv.slice(2);

const REGISTER = `mutation ($useCookie: Boolean, $email: String!) {
  session: register(input: {
    firstName: "Ada", lastName: "Lovelace", email: $email,
    password: "correct horse battery staple", useCookie: $useCookie
  }) { token refreshToken }
}`;
const REFRESH = 'mutation { session: refreshToken { token refreshToken } }';

/** Sends an operation from a page; returns the answer that the page reads. */
function ask(page, query, { token, ...variables } = {}) {
  return page.evaluate(
    async ([url, query, variables, token]) => {
      const headers = { 'Content-Type': 'application/json' };
      if (token) headers.Authorization = `Bearer ${token}`;
      const body = JSON.stringify({ query, variables });
      const request = { method: 'POST', credentials: 'include', headers, body };
      return (await fetch(url, request)).json();
    },
    [url, query, variables, token],
  );
}

const register = (page, useCookie) =>
  ask(page, REGISTER, { useCookie, email: `ada.${randomUUID()}@example.com` });

async function signInByCookie(context, page) {
  const { session } = (await register(page, true)).data;
  shows('the cookie has the refresh token', session.refreshToken, null);
  await page.reload();
  const refreshed = (await ask(page, REFRESH)).data.session;
  shows('the session survives a reload', typeof refreshed.token, 'string');
  const welcomed = await ask(page, '{ welcome }', { token: refreshed.token });
  shows('the token works', welcomed, { data: { welcome: 'Welcome 🙌' } });
  shows('a logout works', await ask(page, 'mutation { logout }'), { data: { logout: true } });
  const names = (await context.cookies()).map(({ name }) => name);
  shows('a logout takes the cookie back', names, ['device-token']);
}

async function signInByToken(page) {
  const { token, refreshToken } = (await register(page)).data.session;
  shows('without a cookie, the page gets the refresh token', typeof refreshToken, 'string');
  const welcomed = await ask(page, '{ welcome }', { token });
  shows('the token works there too', welcomed, { data: { welcome: 'Welcome 🙌' } });
}

await servePages(port);
await play(async (browser) => {
  const context = await browser.newContext();
  const errors = [];

  await signInByCookie(context, await open(context, `http://localhost:${port}`, errors));

  // The browser counts it as another site than localhost, and drops the cookie.
  const otherSite = await open(context, `http://127.0.0.1:${port}`, errors);
  await signInByToken(otherSite);
  const refused = (await register(otherSite, true)).errors[0].extensions;
  shows('the page learns why', refused, { code: 'FORBIDDEN', reason: 'COOKIE_CROSS_SITE' });

  const start = await open(context, url.replace(/graphql$/, ''), []);
  shows('the URL of the server leads to the playground', start.url(), url);
  shows('no console shows an error', errors, []);
});
