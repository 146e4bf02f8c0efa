// Plays the same story against each of the example apps, built, in a real browser; example_app.js
// says how to run it. The server gives out access tokens for 5 seconds. It is stopped and started by
// whoever reads `stop the server` and `start the server` here.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  button,
  eventually,
  fill,
  heading,
  name,
  PAGE,
  PATIENCE,
  pictures,
  servePages,
  tell,
  url,
} from './example_app.js';
import { open, play, shows } from './stage.js';

const TOKEN_TTL = 5_000;

const PASSWORD = 'correct horse battery staple';
const ADA = { 'First name': 'Ada', 'Last name': 'Lovelace', 'E-mail': `ada.${name}@example.com` };
const BOB = { 'First name': 'Bob', 'Last name': 'Kahn', 'E-mail': `bob.${name}@example.com` };
const OTHER_DEVICES = 6;

/** Asks as another device would, without a browser. */
async function ask(query, token) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { 'X-Access-Token': token }) },
    body: JSON.stringify({ query }),
  });
  return (await response.json()).data;
}

async function logInElsewhere(person) {
  const input = `{email: "${person['E-mail']}", password: "${PASSWORD}"}`;
  return (await ask(`mutation { login(input: ${input}) { token } }`)).login.token;
}

/** Counts what the tabs of a context ask for, and what is denied to them. */
function traffic(context) {
  const seen = { refreshes: 0, denied: 0 };
  context.on('request', (request) => {
    if (request.postData()?.includes('refreshToken')) seen.refreshes += 1;
  });
  context.on('response', async (response) => {
    if (response.request().method() !== 'POST') return;
    const answer = await response.text().catch(() => '');
    if (/"UNAUTHENTICATED"|"viewer":null/.test(answer)) seen.denied += 1;
  });
  return seen;
}

const items = (page) => page.getByRole('region', { name: 'Sessions' }).getByRole('listitem');
const greeting = (page) => page.getByText('Welcome 🙌');

async function logIn(page, person, password = PASSWORD) {
  await fill(page, { 'E-mail': person['E-mail'], Password: password });
  await button(page, 'Log in').click();
}

async function isHome(page, person) {
  await greeting(page).waitFor();
  await page.getByText(person['E-mail']).waitFor();
}

/** What a screen reader says of a field besides its label. */
const description = (page, label) =>
  page.getByLabel(label, { exact: true }).evaluate((field) => ({
    isInvalid: field.getAttribute('aria-invalid'),
    text: document.getElementById(field.getAttribute('aria-describedby'))?.textContent,
  }));

const focused = (page) => page.evaluate(() => document.activeElement.name);

const opens = (page, title) =>
  eventually(
    `the focus moves to the page ${title}`,
    () => page.evaluate(() => document.activeElement.textContent),
    title,
  );

async function refuseBadValues(page) {
  await heading(page, 'Log in').waitFor();
  for (const flow of ['Forgot your password?', 'Log in by a link']) {
    shows(`${flow} is not offered without mail`, await button(page, flow).count(), 0);
  }
  await pictures(page, '1-login');
  await button(page, 'Create an account').click();
  await opens(page, 'Create an account');
  await fill(page, { 'First name': 'Ada', 'E-mail': 'ada', Password: 'short' });
  await button(page, 'Create account').click();
  await page.getByRole('alert').waitFor();
  shows('the focus moves to the first bad field', await focused(page), 'lastName');
  const said = {
    'First name': { isInvalid: 'false', text: undefined },
    'Last name': { isInvalid: 'true', text: 'Please fill in this field.' },
    'E-mail': { isInvalid: 'true', text: 'This is not an e-mail address.' },
    Password: { isInvalid: 'true', text: 'Use at least 8 characters.' },
  };
  for (const [label, expected] of Object.entries(said)) {
    shows(`${label} says what is wrong with it`, await description(page, label), expected);
  }
  await pictures(page, '2-bad-values');
}

async function register(page) {
  await fill(page, { ...ADA, Password: PASSWORD });
  await button(page, 'Create account').click();
  await isHome(page, ADA);
  await opens(page, 'Ada Lovelace');
  await pictures(page, '3-home');
}

async function listSessions(page) {
  for (let device = 0; device < OTHER_DEVICES; device += 1) await logInElsewhere(ADA);
  await button(page, 'Reload').click();
  await button(page, 'Load more').click();
  await button(page, 'Load more').waitFor({ state: 'detached' });
  await eventually('all sessions are listed', () => items(page).count(), OTHER_DEVICES + 1);
  const current = items(page).filter({ hasText: 'This device' });
  shows('one of them is this one', await current.count(), 1);
  shows('and it cannot be ended here', await button(current, 'End').count(), 0);
  await pictures(page, '4-sessions');
}

/** Clicks two buttons for queries and two for mutations at once, with an expired token. */
async function refreshOnce(page, seen) {
  await sleep(TOKEN_TTL + 1_000);
  const before = { ...seen };
  await page.evaluate(() => {
    const buttons = [...document.querySelectorAll('button')];
    const labelled = (label) => buttons.filter(({ textContent }) => textContent === label);
    const ends = labelled('End').slice(-2);
    for (const each of [...labelled('Ask again'), ...labelled('Reload'), ...ends]) each.click();
  });
  await eventually('requests of all kinds were denied', () => seen.denied - before.denied, 4);
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
  await button(page, 'Reload').click();
  await eventually('both sessions have ended', () => items(page).count(), OTHER_DEVICES - 1);
  shows('one refresh was enough for all', seen.refreshes - before.refreshes, 1);
  shows('no error is shown', await page.getByRole('alert').count(), 0);
}

async function refreshInTwoTabs(tabs, seen) {
  await sleep(TOKEN_TTL + 1_000);
  const before = seen.refreshes;
  const welcomed = (tab) =>
    tab.waitForResponse(async (response) => (await response.text()).includes('🙌'));
  await Promise.all(tabs.flatMap((tab) => [welcomed(tab), button(tab, 'Ask again').click()]));
  for (const tab of tabs) await isHome(tab, ADA);
  shows('two tabs refresh at the same moment', seen.refreshes - before, 2);
}

async function outlastTheServer([page, secondTab], errors) {
  const before = errors.length;
  await tell('stop the server');
  await button(page, 'Ask again').click();
  await page.getByRole('alert').filter({ hasText: 'The server does not answer' }).waitFor();
  await isHome(page, ADA);
  await pictures(page, '5-server-down');
  await secondTab.reload();
  await heading(secondTab, 'The server does not answer').waitFor();
  await pictures(secondTab, '6-server-down-at-start');
  await button(secondTab, 'Try again').click();
  await heading(secondTab, 'The server does not answer').waitFor();
  await sleep(TOKEN_TTL);
  await tell('start the server');
  errors.length = before;

  await button(page, 'Try again').click();
  await page.getByRole('alert').waitFor({ state: 'detached' });
  await button(secondTab, 'Try again').click();
  for (const tab of [page, secondTab]) await isHome(tab, ADA);
}

async function logOut([page, secondTab]) {
  await button(page, 'Log out').click();
  for (const tab of [page, secondTab]) await heading(tab, 'Log in').waitFor();
  const ended = await secondTab.getByRole('status').textContent();
  shows('the other tab says why', ended, 'Your session has ended. Log in again.');
  await pictures(secondTab, '7-session-ended');
  await page.reload();
  await heading(page, 'Log in').waitFor();
}

async function logInAgain([page, secondTab]) {
  await logIn(page, ADA, 'wrong horse battery staple');
  const refusal = page.getByRole('alert');
  await refusal.waitFor();
  const said = await refusal.textContent();
  shows('a wrong password is refused', said, 'The e-mail address or the password is wrong.');
  await pictures(page, '8-wrong-password');
  await logIn(page, ADA);
  for (const tab of [page, secondTab]) await isHome(tab, ADA);
}

async function reload(page) {
  await page.addInitScript(() => {
    new MutationObserver(() => {
      globalThis.hasShownLogin ||= document.querySelector('form') !== null;
    }).observe(document, { childList: true, subtree: true });
  });
  await page.reload();
  await isHome(page, ADA);
  const flashed = await page.evaluate(() => globalThis.hasShownLogin);
  shows('a reload shows no login form on its way', flashed, false);
}

async function keepNoSecrets(page) {
  const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length]);
  shows('nothing is kept in the storage of the browser', kept, [0, 0]);
  shows('nothing is kept in the address', page.url(), PAGE);
}

async function endFromElsewhere([page, secondTab]) {
  await ask('mutation { logoutEverywhere }', await logInElsewhere(ADA));
  await button(page, 'Ask again').click();
  await page.getByText('Your session has ended. Log in again.').waitFor();
  await button(secondTab, 'Reload').click();
  await heading(secondTab, 'Log in').waitFor();
}

async function changeUsers([page, secondTab]) {
  await logIn(page, ADA);
  for (const tab of [page, secondTab]) await isHome(tab, ADA);
  const elsewhere = await logInElsewhere(ADA);
  await button(page, 'Log out everywhere').click();
  await heading(page, 'Log in').waitFor();
  shows('all sessions have ended', await ask('{ viewer { id } }', elsewhere), { viewer: null });

  await heading(secondTab, 'Log in').waitFor();
  await button(page, 'Create an account').click();
  await fill(page, { ...BOB, Password: PASSWORD });
  await button(page, 'Create account').click();
  for (const tab of [page, secondTab]) {
    await isHome(tab, BOB);
    shows('nobody sees another user', await tab.getByText(ADA['E-mail']).count(), 0);
    await eventually('nor their sessions', () => items(tab).count(), 1);
  }
}

async function story(browser) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  const errors = [];
  const seen = traffic(context);
  const page = await open(context, PAGE, errors);
  await refuseBadValues(page);
  await register(page);
  await listSessions(page);
  await refreshOnce(page, seen);

  const secondTab = await open(context, PAGE, errors);
  await isHome(secondTab, ADA);
  const tabs = [page, secondTab];
  await refreshInTwoTabs(tabs, seen);
  await outlastTheServer(tabs, errors);
  await logOut(tabs);
  await logInAgain(tabs);
  await reload(page);
  await keepNoSecrets(page);
  await endFromElsewhere(tabs);
  await changeUsers(tabs);
  shows('no console shows an error while the server answers', errors, []);
}

await servePages();
await play(story);
