// Uses an account by links in mails, which `serve --dev` prints, in several browsers:
//   CHROMIUM=PATH [SCREENSHOTS=DIRECTORY] node mail_links.js GRAPHQL_URL FILE_OF_THE_TERMINAL
import { readFile } from 'node:fs/promises';
import { codes, execute, go, openPlayground, says } from './graphiql.js';
import { picture, play, shows, violations } from './stage.js';

const [url, terminal] = process.argv.slice(2);
const PASSWORD = 'correct horse';
const LONGEST_WAIT = 30_000;
const SCREENS = [
  { width: 390, height: 844 },
  { width: 1280, height: 800 },
];
// What the page asks on its own: for the schema, for the session and for its user.
const OWN = /^\s*(query IntrospectionQuery|mutation Refresh|query Viewer)\b/;

let seen = 0;

/** Waits for the terminal to print a further mail to an e-mail; returns the link in it. */
async function mailed(to, kind) {
  const link = new RegExp(`Mail to ${to}: .*\\n(?:  .*\\n)*?  (http://\\S+#${kind}=\\S+)\\n`);
  const deadline = Date.now() + LONGEST_WAIT;
  while (Date.now() < deadline) {
    const text = (await readFile(terminal, 'utf8')).slice(seen);
    const found = link.exec(text);
    if (found) {
      seen += found.index + found[0].length;
      return found[1];
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no mail to ${to} with #${kind}=`);
}

/** What a page shows and keeps, and what others find of it later. */
async function traces(page) {
  const debug = await page.context().newCDPSession(page);
  const { entries } = await debug.send('Page.getNavigationHistory');
  const held = await page.evaluate(() => ({
    address: location.href,
    state: history.state,
    stored: [{ ...localStorage }, { ...sessionStorage }],
    shown: document.body.innerText,
    editors: globalThis.__MONACO.editor.getModels().map((model) => model.getValue()),
  }));
  return JSON.stringify({ ...held, visited: entries.map((entry) => entry.url) });
}

const isOpen = (page, tab) =>
  page.waitForSelector(`.graphiql-tab-active .graphiql-tab-button[title="${tab}"]`);

const isInSight = (page) =>
  page.waitForFunction(() => {
    const boxOf = (selector) => document.querySelector(selector).getBoundingClientRect();
    const [tab, row] = [boxOf('.graphiql-tab-active'), boxOf('.graphiql-tabs')];
    return tab.left > row.left - 1 && tab.right < row.right + 1;
  });

/** Checks that a link has opened its tab, has sent nothing, and that no trace has its token. */
async function hasOpened(page, operations, link, tab) {
  await isOpen(page, tab);
  await isInSight(page);
  await page.waitForFunction(
    (text) => JSON.stringify({ ...localStorage }).includes(text),
    `mutation ${tab}`,
  );
  shows(`${tab}: the link leads to the playground`, page.url(), url);
  const sent = operations.filter((query) => !OWN.test(query));
  shows(`${tab}: nothing is sent before a click`, sent, []);
  shows(`${tab}: the token leaves no trace`, await hasTrace(page, link), false);
}

const tokenOf = (link) => link.replace(/^.*=/, '');
const hasTrace = async (page, link) => (await traces(page)).includes(tokenOf(link));

/** Opens a link of a mail in a new page. */
async function openLink(context, link, tab, errors) {
  const { page, operations } = await openPlayground(context, link, errors);
  await hasOpened(page, operations, link, tab);
  return page;
}

/** Executes the operation of a link; only the body of one request has its token. */
async function run(page, link) {
  const token = tokenOf(link);
  const requests = [];
  const note = (request) => requests.push(request);
  page.on('request', note);
  const answer = await execute(page);
  page.off('request', note);
  const bodies = requests.filter((request) => request.postData()?.includes(token));
  const heads = await Promise.all(
    requests.map(async (request) => JSON.stringify([request.url(), await request.allHeaders()])),
  );
  shows('a request has the token', bodies.length > 0, true);
  shows('no URL and no header has the token', heads.join().includes(token), false);
  shows('the token left no trace', await hasTrace(page, link), false);
  return answer;
}

const variables = (page) =>
  page.evaluate(() => {
    const models = globalThis.__MONACO.editor.getModels();
    return JSON.parse(models.find(({ uri }) => uri.path.endsWith('variables.json')).getValue());
  });

const namesOf = async (page) => Object.keys((await variables(page)).input);

/** Checks the page on narrow and wide screens, in light and dark. */
async function isAccessible(page, state) {
  for (const screen of SCREENS) {
    await page.setViewportSize(screen);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.waitForTimeout(300);
      const name = `${state}-${screen.width}-${colorScheme}`;
      await picture(page, `mail-links-${name}`);
      shows(`${name} has no violation`, await violations(page), []);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      shows(`${name} is not wider than the screen`, width <= screen.width, true);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

async function signsUp(here, elsewhere, errors) {
  const { page, operations } = await openPlayground(here, url, errors);
  await go(page, 'SignUp');
  const asked = { data: { signUp: { email: 'ada@example.com' } } };
  shows('a sign-up answers the e-mail', await execute(page), asked);
  await says(page, 'Run Register or Login');
  const link = await mailed('ada@example.com', 'sign-up');

  const other = await openLink(elsewhere, link, 'ConfirmSignUp', errors);
  await isAccessible(other, 'sign-up');
  await other.keyboard.type(PASSWORD);
  const answer = await run(other, link);
  shows('the link signs in', typeof answer.data?.confirmSignUp.token, 'string');
  await says(other, 'Ada Lovelace');
  shows('no password is kept', (await stored(other)).includes(PASSWORD), false);

  const late = await openLink(here, link, 'ConfirmSignUp', errors);
  await late.keyboard.type(PASSWORD);
  shows('a link works once', codes(await run(late, link)), ['LINK_EXPIRED']);
  await says(late, 'ask for another one');
  await isAccessible(late, 'expired');
  await late.close();
  return { page, operations, other };
}

/** Goes to another tab; returns what is kept of all tabs then. */
async function stored(page) {
  await go(page, 'Welcome');
  await page.waitForFunction(() => {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState'));
    return tabs[activeTabIndex].query.includes('query Welcome');
  });
  return page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
}

async function resetsPassword(context, page, errors) {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await says(page, 'Run Register or Login');
  await go(page, 'RequestPasswordReset');
  shows('a reset is mailed', codes(await execute(page)), undefined);
  const link = await mailed('ada@example.com', 'reset');

  const opened = await openLink(context, link, 'ResetPassword', errors);
  await opened.keyboard.type(PASSWORD);
  const answer = await run(opened, link);
  shows('a reset signs in', typeof answer.data?.resetPassword.token, 'string');
  await says(opened, 'Ada Lovelace');
  await says(page, 'Ada Lovelace');
  shows('no new password is kept', (await stored(opened)).includes(PASSWORD), false);
  await opened.reload();
  await says(opened, 'Ada Lovelace');
  await go(opened, 'ResetPassword');
  const { input } = await variables(opened);
  shows('a reload has no token', [input.token, input.newPassword], ['', '']);
  await opened.evaluate(() => (location.hash = '#reset=another.token'));
  await opened.locator('.view-line').filter({ hasText: 'from the reset' }).waitFor();
  await isOpen(opened, 'ResetPassword');
  const tabs = opened.locator('.graphiql-tab-button[title="ResetPassword"]');
  shows('a further link opens the same tab', await tabs.count(), 1);
}

async function signsInByLink(page, operations) {
  await go(page, 'RequestSignInLink');
  shows('a link to sign in is mailed', codes(await execute(page)), undefined);
  const link = await mailed('ada@example.com', 'sign-in');
  operations.length = 0;
  await page.evaluate((hash) => (location.hash = hash), new URL(link).hash);
  await hasOpened(page, operations, link, 'SignInWithLink');
  const answer = await run(page, link);
  shows('the link to sign in signs in', typeof answer.data?.signInWithLink.token, 'string');
  await says(page, 'Ada Lovelace');
}

async function changesEmail(context, page, errors) {
  await go(page, 'ChangeEmail');
  shows('a change of the e-mail is mailed', codes(await execute(page)), undefined);
  const link = await mailed('countess@example.com', 'email');
  const opened = await openLink(context, link, 'ConfirmEmailChange', errors);
  shows('a signed-in user needs no password', await namesOf(opened), ['token']);
  const changed = { data: { confirmEmailChange: { user: { email: 'countess@example.com' } } } };
  shows('the e-mail changes', await run(opened, link), changed);
  await says(opened, 'countess@example.com');
  await says(page, 'countess@example.com');
  await go(page, 'UpdateProfile');
  shows('the name changes', codes(await execute(page)), undefined);
  await says(opened, 'Augusta Lovelace');
  return opened;
}

async function confirmsEmail(registered, elsewhere, errors) {
  const { page } = await openPlayground(registered, url, errors);
  const input = { firstName: 'Bob', lastName: 'B', email: 'bob@example.com', password: PASSWORD };
  const query = 'mutation Bob($input: RegisterInput!) { register(input: $input) { token } }';
  const bob = new URLSearchParams({ query, variables: JSON.stringify({ input }) });
  await page.evaluate((hash) => (location.hash = hash), `#${bob}`);
  await isOpen(page, 'Bob');
  shows('another user registers', codes(await execute(page)), undefined);
  await go(page, 'RequestEmailConfirmation');
  shows('a confirmation is mailed', codes(await execute(page)), undefined);
  const link = await mailed('bob@example.com', 'confirm');

  const opened = await openLink(elsewhere, link, 'ConfirmEmail', errors);
  shows('others need the password', await namesOf(opened), ['token', 'password']);
  shows('they are told', codes(await run(opened, link)), ['UNAUTHENTICATED']);
  await opened.locator('.graphiql-editor-tool .view-line').filter({ hasText: 'password' }).click();
  await opened.keyboard.press('End');
  await opened.keyboard.press('ArrowLeft');
  await opened.keyboard.type(PASSWORD);
  const confirmed = { data: { confirmEmail: { user: null } } };
  shows('the link has stayed valid', await run(opened, link), confirmed);
  await says(opened, 'Run Register or Login');
}

async function deletesAccount(page, other) {
  await go(page, 'DeleteAccount');
  const answer = await execute(page);
  shows('the account is deleted', typeof answer.data?.deleteAccount.deletedUserId, 'string');
  await says(page, 'Run Register or Login');
  await says(other, 'Run Register or Login');
}

await play(async (browser) => {
  const errors = [];
  const newContext = (viewport) => browser.newContext({ viewport });
  const [narrow, wide] = SCREENS;
  const [here, elsewhere, another, fourth] = await Promise.all(
    [wide, narrow, wide, narrow].map(newContext),
  );
  const { page, operations, other } = await signsUp(here, elsewhere, errors);
  await resetsPassword(elsewhere, other, errors);
  await signsInByLink(page, operations);
  const opened = await changesEmail(here, page, errors);
  await confirmsEmail(another, fourth, errors);
  await deletesAccount(page, opened);
  shows('no console shows an error or a warning', errors, []);
});
