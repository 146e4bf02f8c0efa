// Signs in through the playground, and stays signed in; access tokens work for five seconds:
//   CHROMIUM=PATH [SCREENSHOTS=DIRECTORY] node playground.js GRAPHQL_URL
import { codes, execute, go, openPlayground, QUERY, says } from './graphiql.js';
import { picture, play, shows } from './stage.js';

const [url] = process.argv.slice(2);
const TOKEN_TTL = 5_000;
const LONGEST_LOAD = 1_500;
const MOST_LOADS = 5;
const PASSWORD = 'correct horse';
const WELCOMED = { data: { welcome: 'Welcome 🙌' } };

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const count = (operations, text) => operations.filter((query) => query.includes(text)).length;

async function pictures(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(200);
    await picture(page, `${name}-${colorScheme}`);
  }
}

/** Loads the page with an empty cache; returns the milliseconds until it can be used. */
async function load(browser, errors) {
  const context = await browser.newContext();
  const { page } = await openPlayground(context, url, errors);
  const took = await page.evaluate(() => Math.round(performance.now()));
  const loads = await loadsOf(page);
  await context.close();
  return { took, loads };
}

/** Waits for a second without a new resource. On a busy machine, `networkidle` may never happen. */
async function loadsOf(page) {
  let count = -1;
  for (;;) {
    const loads = await page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .map(({ name, encodedBodySize }) => ({ name, size: encodedBodySize })),
    );
    if (loads.length === count) return loads;
    count = loads.length;
    await wait(1_000);
  }
}

async function loadsFast(browser, errors) {
  const all = [];
  // Whatever else the machine does makes one load slow, seldom all of them.
  do all.push(await load(browser, errors));
  while (all.length < MOST_LOADS && all.at(-1).took >= LONGEST_LOAD);
  const took = Math.min(...all.map((each) => each.took));
  const [{ loads }] = all;
  const kilobytes = Math.round(loads.reduce((sum, { size }) => sum + size, 0) / 1000);
  console.log(`the first load: ${took} ms, ${kilobytes} kB in ${loads.length} files`);
  shows('the page can be used soon', took < LONGEST_LOAD, true);
  const lazy = loads.filter(({ name }) => name.includes('lazy-'));
  shows('nothing is loaded before it is needed', lazy, []);
}

async function greets(context, errors) {
  const { page } = await openPlayground(context, url, errors);
  await says(page, 'Run Register or Login');
  await pictures(page, '1-signed-out');
  return page;
}

async function signsIn(page) {
  const answer = await execute(page);
  shows('register answers a token', typeof answer.data?.register.token, 'string');
  await says(page, 'Ada Lovelace');
  await pictures(page, '2-registered');
  return answer.data?.register.token;
}

async function staysSignedIn(context, errors, first) {
  await first.reload();
  await says(first, 'Ada Lovelace');
  const { page, operations } = await openPlayground(context, url, errors);
  await says(page, 'Ada Lovelace');
  shows('another tab refreshes once', count(operations, 'refreshToken('), 1);
  await go(page, 'Welcome');
  shows('welcome needs no header', await execute(page), WELCOMED);
  await pictures(page, '3-welcome');

  operations.length = 0;
  await wait(TOKEN_TTL + 1_000);
  await pictures(page, '4-expired');
  shows('an expired token does not show', await execute(page), WELCOMED);
  shows('an expired token is refreshed once', count(operations, 'refreshToken('), 1);

  await wait(TOKEN_TTL + 1_000);
  await go(first, 'Welcome');
  const answers = await Promise.all([execute(first), execute(page)]);
  shows('two tabs refresh at once', answers, [WELCOMED, WELCOMED]);
  await go(page, 'Sessions');
  const { data } = await execute(page);
  const current = data?.viewer.sessions.edges.map(({ node }) => node.current);
  shows('the only session is this one', current, [true]);
  await pictures(page, '5-sessions');
  return page;
}

async function looksGoodEverywhere(page) {
  await page.setViewportSize({ width: 800, height: 600 });
  await pictures(page, '6-narrow');
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await pictures(page, '6-docs');
  await page.getByRole('button', { name: 'Hide Documentation Explorer' }).click();
  await page.getByRole('button', { name: 'Show History' }).click();
  await pictures(page, '6-history');
  await page.getByRole('button', { name: 'Hide History' }).click();
}

async function opensLinks(page) {
  const linked = '#query=%7B%20__typename%20%7D&variables=%7B%22a%22%3A%201%7D';
  await page.evaluate((hash) => (location.hash = hash), linked);
  await page.locator(`${QUERY} .view-line`).filter({ hasText: '__typename' }).waitFor();
  shows('a linked operation can be executed', await execute(page), {
    data: { __typename: 'Query' },
  });
  // Only now is the code that formats loaded.
  await page.getByRole('button', { name: 'Prettify' }).click();
  await page.waitForSelector(`${QUERY} .view-line >> nth=2`);
  await page.evaluate(() => (location.hash = '#login'));
  await page.locator(`${QUERY} .view-line`).filter({ hasText: 'mutation Login' }).waitFor();
  shows('a link is followed once', new URL(page.url()).hash, '');

  await page.getByRole('button', { name: 'Copy a link' }).click();
  await page.getByText('Link copied').first().waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  shows('a link holds the operation', decodeURIComponent(link).includes('mutation+Login'), true);
  shows('a link holds no password', decodeURIComponent(link).includes('horse'), false);
  await pictures(page, '7-link');
}

async function keepsSecrets(page, token) {
  await page.waitForTimeout(700);
  const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]));
  shows('tabs are stored', stored.includes('mutation Register'), true);
  shows('no password is stored', stored.includes(PASSWORD), false);
  shows('no token is stored', stored.includes(token) || stored.includes('eyJ'), false);
}

async function saysWhatIsWrong(context, page, errors) {
  const before = errors.length;
  await go(page, 'Welcome');
  await context.setOffline(true);
  const [{ message }] = (await execute(page)).errors;
  shows('a server that is down is an answer', message.includes('cannot be reached'), true);
  await pictures(page, '8-down');
  await context.setOffline(false);
  // The browser itself writes of a request that fails.
  errors.length = before;
  shows('a server that is up again is asked again', await execute(page), WELCOMED);
}

/** Ends all sessions from elsewhere. */
async function endSessions() {
  const ask = async (query, variables, headers) => {
    const body = JSON.stringify({ query, variables });
    const json = { 'Content-Type': 'application/json', ...headers };
    return (await fetch(url, { method: 'POST', headers: json, body })).json();
  };
  const login = 'mutation ($input: LoginInput!) { login(input: $input) { token } }';
  const { data } = await ask(login, { input: { email: 'ada@example.com', password: PASSWORD } });
  const headers = { Authorization: `Bearer ${data.login.token}` };
  await ask('mutation { logoutEverywhere }', {}, headers);
}

async function isTold(page) {
  await endSessions();
  await go(page, 'Welcome');
  shows('a session that ended is over', codes(await execute(page)), ['UNAUTHENTICATED']);
  await says(page, 'The session has ended');
  await pictures(page, '8-over');
  await go(page, 'Login');
  await execute(page);
  await says(page, 'Ada Lovelace');
}

async function signsOut(page, other) {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await says(page, 'Run Register or Login');
  await says(other, 'Run Register or Login');
  await go(page, 'Welcome');
  shows('whoever signed out is not welcome', codes(await execute(page)), ['UNAUTHENTICATED']);
  await pictures(page, '9-signed-out');
}

await play(async (browser) => {
  const errors = [];
  await loadsFast(browser, errors);
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const first = await greets(context, errors);
  const token = await signsIn(first);
  const page = await staysSignedIn(context, errors, first);
  await looksGoodEverywhere(page);
  await opensLinks(page);
  await keepsSecrets(page, token);
  await saysWhatIsWrong(context, page, errors);
  await isTold(page);
  await signsOut(page, first);
  shows('no console shows an error or a warning', errors, []);
});
