// Asks for cookies from pages of several origins, with a real browser, against a server:
//   CHROMIUM=PATH node origins.js PORT LISTED_PORT OTHER_PORT
// The pages of the last two ports are served here; those of LISTED_PORT are in ALLOWED_ORIGINS.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { open, play, shows } from './stage.js';

const [port, listedPort, otherPort] = process.argv.slice(2);
const REFRESH = 'mutation { refreshToken { token } }';
const COOKIES = ['device-token', 'refresh-token'];

const CROSS_SITE = 'COOKIE_CROSS_SITE';
const NEEDS_HTTPS = 'COOKIE_NEEDS_HTTPS';
/** Host of the page, host of the server, reason of the refusal. */
const OWN_PAGES = [
  ['localhost', 'localhost', null],
  ['app.localhost', 'app.localhost', null],
  ['127.0.0.1', '127.0.0.1', null],
  ['127.0.0.2', '127.0.0.2', null],
  ['auth.lan', 'auth.lan', NEEDS_HTTPS],
];
const LISTED_PAGES = [
  ['localhost', 'localhost', null],
  ['page.app.localhost', 'app.localhost', null],
  ['127.0.0.1', 'localhost', CROSS_SITE],
  ['localhost', '127.0.0.1', CROSS_SITE],
  ['app.localhost', 'localhost', CROSS_SITE],
  ['page.lan', 'localhost', CROSS_SITE],
  ['page.lan', 'auth.lan', CROSS_SITE],
];
const TRACING = { baggage: 'a=1', traceparent: '00-0-0-00', 'apollographql-client-name': 'shop' };

async function servePages(pagePort) {
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>A page</title>');
  });
  await once(server.listen(pagePort, '0.0.0.0'), 'listening');
}

const register = () => `mutation { register(input: {
  firstName: "Ada", lastName: "Lovelace", email: "ada.${randomUUID()}@example.com",
  password: "correct horse battery staple", useCookie: true
}) { token } }`;

/** Sends a query from a page; returns the answer, or the name of the error that the page sees. */
function ask(page, url, query, more = {}) {
  return page.evaluate(
    async ([url, query, { method = 'POST', headers }]) => {
      const signal = AbortSignal.timeout(30_000);
      const body = JSON.stringify({ query });
      const all = { 'Content-Type': 'application/json', ...headers };
      try {
        const request = { method, credentials: 'include', signal, headers: all, body };
        return await (await fetch(url, request)).json();
      } catch (error) {
        return error.name;
      }
    },
    [url, query, more],
  );
}

const reasonOf = ({ errors }) => errors?.[0].extensions.reason ?? null;

/** Whether the server refuses exactly the cookies that the browser drops. */
async function tryCookies(browser, pageOrigin, serverHost, reason) {
  const context = await browser.newContext();
  const page = await open(context, pageOrigin, []);
  const url = `http://${serverHost}:${port}/graphql`;
  const who = `a page of ${pageOrigin} at ${url}`;

  shows(`${who} registers`, reasonOf(await ask(page, url, register())), reason);
  const kept = (await context.cookies()).map(({ name }) => name).sort();
  shows(`${who} has cookies`, kept, reason ? [] : COOKIES);
  shows(`${who} refreshes`, reasonOf(await ask(page, url, REFRESH)), reason);
  await context.close();
}

/** What the console of the browser says about one request of a page. */
async function tellsOf(context, origin, more) {
  const errors = [];
  const page = await open(context, origin, errors);
  const answer = await ask(page, `http://localhost:${port}/graphql`, '{ __typename }', more);
  return { answer, told: errors.find((line) => line.includes('CORS')) ?? '' };
}

async function tryCors(context) {
  const listed = `http://localhost:${listedPort}`;
  const { answer } = await tellsOf(context, listed, { headers: TRACING });
  shows('a listed page may send any header', answer, { data: { __typename: 'Query' } });

  const { told: method } = await tellsOf(context, listed, { method: 'PUT' });
  shows('the console names the method', /Method PUT is not allowed/.test(method), true);
  const { told: origin } = await tellsOf(context, `http://localhost:${otherPort}`, {});
  shows('the console names the origin', /No 'Access-Control-Allow-Origin'/.test(origin), true);
}

async function story(browser) {
  for (const [host, server, reason] of OWN_PAGES) {
    await tryCookies(browser, `http://${host}:${port}/graphql`, server, reason);
  }
  for (const [host, server, reason] of LISTED_PAGES) {
    await tryCookies(browser, `http://${host}:${listedPort}`, server, reason);
  }
  await tryCors(await browser.newContext());
}

await servePages(listedPort);
await servePages(otherPort);
await play(story);
