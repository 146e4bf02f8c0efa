// Plays the life of an account in each of the example apps, built; example_app.js says how to run
// it. The server prints its mail. `mail KIND E-MAIL` asks for the next link of a kind to an e-mail.
import {
  button,
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

const FIRST = 'correct horse battery staple';
const SECOND = 'another horse battery staple';
const THIRD = 'a third horse battery staple';
const ADA = `ada.${name}@example.com`;
const ADA_AT_SEA = `ada.at.sea.${name}@example.com`;
const COUNTESS = `countess.${name}@example.com`;
const BOB = `bob.${name}@example.com`;
const TITLES = {
  confirm: 'Confirm your e-mail address',
  email: 'Confirm your new e-mail address',
  reset: 'Choose a new password',
  'sign-in': 'Log in by a link',
  'sign-up': 'Complete your sign-up',
};

const errors = [];

const mailed = async (kind, email) => new Mailed(kind, await tell(`mail ${kind} ${email}`));

/** A link, and what its page should be. */
class Mailed {
  constructor(kind, link) {
    shows(`the link is of the kind ${kind}`, link.startsWith(`${PAGE}#${kind}=`), true);
    this.kind = kind;
    this.link = link;
    this.title = TITLES[kind];
    this.token = link.slice(link.indexOf('=') + 1);
  }
}

const pageHeading = (page, text) =>
  page.getByRole('heading', { level: 1, name: text, exact: true });

async function newContext(browser) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  return context;
}

/** Opens a link in a new tab. Its token is nowhere to be seen afterwards. */
async function openLink(context, { link, title, token }) {
  const tab = await open(context, link, errors);
  await pageHeading(tab, title).waitFor();
  const seen = await tab.evaluate(async () => ({
    // By the history of the tab: the entries that Back and Forward lead to.
    history: globalThis.navigation.entries().map(({ url }) => url),
    page: document.documentElement.outerHTML,
    fields: [...document.querySelectorAll('input')].map(({ value }) => value),
    storage: [{ ...localStorage }, { ...sessionStorage }, await indexedDB.databases()],
    cookies: document.cookie,
  }));
  shows(`${title}: the token is not in the address`, tab.url(), PAGE);
  shows(`${title}: nor elsewhere`, JSON.stringify(seen).includes(token), false);
  return tab;
}

/** Opens a link in a tab where the app runs already. */
async function followLink(page, { link, title }) {
  await page.evaluate((link) => location.assign(link), link);
  await pageHeading(page, title).waitFor();
  await page.waitForURL(PAGE);
}

/** Does what scanners of mail do: GET, HEAD, and run the page. It also sees what nobody clicks. */
async function scan(browser, mail) {
  for (const method of ['GET', 'HEAD']) {
    shows(`${method} finds a page`, (await fetch(mail.link, { method })).status, 200);
  }
  const context = await newContext(browser);
  const sent = [];
  context.on('request', (request) =>
    sent.push(request.postData()?.match(/"(mutation[^({]*)/)?.[1]),
  );
  const tab = await openLink(context, mail);
  await tab.waitForLoadState('networkidle');
  const mutations = sent.filter(Boolean).map((mutation) => mutation.trim());
  shows(`${mail.title}: its page sends nothing of it`, mutations, ['mutation Refresh']);
  await pictures(tab, `link-${mail.kind}`);
  await context.close();
}

async function says(page, text) {
  await page.getByRole('alert').filter({ hasText: text }).waitFor();
}

async function tells(page, text) {
  await page.getByRole('status').filter({ hasText: text }).waitFor();
  // Also the focus moves there.
  await page.waitForFunction((text) => document.activeElement.textContent === text, text);
}

async function isHome(page, email) {
  await heading(page, 'Welcome').waitFor();
  await page.getByText(email, { exact: true }).waitFor();
}

async function logIn(page, email, password) {
  await fill(page, { 'E-mail': email, Password: password });
  await button(page, 'Log in').click();
}

async function refusesPassword(page, email, password) {
  await logIn(page, email, password);
  await says(page, 'The e-mail address or the password is wrong.');
}

const setting = (page, title) => page.getByRole('group').filter({ hasText: title });

async function openSetting(page, title) {
  await page.getByText(title, { exact: true }).click();
  return setting(page, title);
}

async function signUp(browser, laptop) {
  const page = await open(laptop, PAGE, errors);
  await heading(page, 'Log in').waitFor();
  await pictures(page, 'log-in');
  await button(page, 'Create an account').click();
  await fill(page, { 'First name': 'Ada', 'Last name': 'Lovelace', 'E-mail': ADA });
  await fill(page, { Password: 'short' });
  await button(page, 'Create account').click();
  await page.getByText('Use at least 8 characters.').waitFor();
  await fill(page, { Password: FIRST });
  await button(page, 'Create account').click();
  await tells(page, `A mail is on its way to ${ADA}. It says how to continue.`);
  await pictures(page, 'signed-up');
  const mail = await mailed('sign-up', ADA);
  await scan(browser, mail);

  await button(page, 'Log in instead').click();
  await refusesPassword(page, ADA, FIRST);
  const tab = await openLink(laptop, mail);
  await fill(tab, { Password: SECOND });
  await button(tab, 'Create account').click();
  await says(tab, 'The password is not that of the sign-up.');
  await fill(tab, { Password: FIRST });
  await button(tab, 'Create account').click();
  for (const each of [tab, page]) await isHome(each, ADA);
  shows('the e-mail is confirmed', await heading(tab, TITLES.confirm).count(), 0);

  await followLink(tab, mail);
  await fill(tab, { Password: FIRST });
  await button(tab, 'Create account').click();
  await tells(tab, 'It was used, it is too old, or you asked for another one.');
  await pictures(tab, 'used-link');
  await button(tab, 'Ask for another link').click();
  await isHome(tab, ADA);
  await tab.close();
  return page;
}

async function changeName(page) {
  await pictures(page, 'home');
  const form = await openSetting(page, 'Change your name');
  await fill(form, { 'First name': 'Augusta', 'Last name': '' });
  await button(form, 'Save name').click();
  await form.getByText('Please fill in this field.').waitFor();
  await pictures(page, 'change-name');
  await fill(form, { 'Last name': 'King' });
  const queries = [];
  const note = (request) => queries.push(request.postData());
  page.on('request', note);
  await button(form, 'Save name').click();
  await heading(page, 'Augusta King').waitFor();
  page.off('request', note);
  shows('the cache follows from one mutation', queries.length, 1);
  await tells(page, 'Your name is saved.');
}

async function forgetPassword(browser, page, phone) {
  await button(page, 'Log out').click();
  await button(page, 'Forgot your password?').click();
  for (const email of [`nobody.${name}@example.com`, ADA]) {
    await heading(page, 'Reset your password').waitFor();
    await fill(page, { 'E-mail': email });
    await button(page, 'Send a link').click();
    await tells(
      page,
      `If ${email} has an account here, a link is on its way. Look into your mail.`,
    );
    await pictures(page, 'forgot-password');
    await button(page, 'Back').click();
    if (email !== ADA) await button(page, 'Forgot your password?').click();
  }
  const mail = await mailed('reset', ADA);
  await scan(browser, mail);

  const other = await openLink(phone, mail);
  await fill(other, { 'New password': 'short' });
  await button(other, 'Save and log in').click();
  await other.getByText('Use at least 8 characters.').waitFor();
  await fill(other, { 'New password': SECOND });
  await button(other, 'Save and log in').click();
  await isHome(other, ADA);
  await refusesPassword(page, ADA, FIRST);
  await logIn(page, ADA, SECOND);
  await isHome(page, ADA);

  await button(other, 'Log out').click();
  await heading(other, 'Log in').waitFor();
  await followLink(other, mail);
  await fill(other, { 'New password': FIRST });
  await button(other, 'Save and log in').click();
  await heading(other, 'This link does not work any longer').waitFor();
  await button(other, 'Ask for another link').click();
  await heading(other, 'Reset your password').waitFor();
  await other.close();
}

async function changePassword(page) {
  const form = await openSetting(page, 'Change your password');
  await fill(form, { 'Current password': FIRST, 'New password': THIRD });
  await button(form, 'Save password').click();
  await says(form, 'The password is wrong.');
  await pictures(page, 'change-password');
  await fill(form, { 'Current password': SECOND });
  await button(form, 'Save password').click();
  await tells(page, 'Your password has changed. All other devices are logged out.');
  await page.reload();
  await isHome(page, ADA);
}

async function requestEmailChange(page, email) {
  const form = await openSetting(page, 'Change your e-mail address');
  await fill(form, { 'New e-mail': email, 'Current password': FIRST });
  await button(form, 'Send a link').click();
  await says(form, 'The password is wrong.');
  await pictures(page, 'change-email');
  await fill(form, { 'Current password': THIRD });
  await button(form, 'Send a link').click();
  await tells(page, `If no account has ${email}, a link is on its way. Open it there.`);
  return mailed('email', email);
}

/** In the tab that asked: the cache follows. */
async function changeEmailHere(browser, page) {
  const mail = await requestEmailChange(page, ADA_AT_SEA);
  await scan(browser, mail);
  await followLink(page, mail);
  const asked = await page.getByLabel('Password').count();
  shows('the user of the link is not asked for the password', asked, 0);
  await button(page, 'Confirm').click();
  await tells(page, 'Your e-mail address has changed.');
  await pictures(page, 'changed-email');
  await button(page, 'Continue').click();
  await isHome(page, ADA_AT_SEA);
  shows('the old e-mail is gone', await page.getByText(ADA, { exact: true }).count(), 0);
}

/** In another browser, where nobody is signed in. */
async function changeEmailElsewhere(browser, page) {
  const mail = await requestEmailChange(page, COUNTESS);
  const library = await newContext(browser);
  const other = await openLink(library, mail);
  await button(other, 'Confirm').click();
  await says(other, 'Enter the password of the account that this link is for.');
  await fill(other, { Password: FIRST });
  await button(other, 'Confirm').click();
  await says(other, 'The password is wrong.');
  await pictures(other, 'confirm-with-password');
  await fill(other, { Password: THIRD });
  await button(other, 'Confirm').click();
  await tells(other, 'Your e-mail address has changed.');
  await button(other, 'Continue').click();
  await heading(other, 'Log in').waitFor();
  await library.close();
  await page.reload();
  await isHome(page, COUNTESS);
}

async function registerElsewhere(email) {
  const input = `{firstName: "Bob", lastName: "Kahn", email: "${email}", password: "${FIRST}"}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: `mutation { register(input: ${input}) { token } }` }),
  });
  shows('an account begins without a confirmed e-mail', (await response.json()).errors, undefined);
}

/** Opened where another user is signed in, a link asks for the password and stays valid. */
async function confirmEmail(browser, ada, phone) {
  await registerElsewhere(BOB);
  const page = await open(phone, PAGE, errors);
  await logIn(page, BOB, FIRST);
  await isHome(page, BOB);
  const notice = page.getByRole('region', { name: TITLES.confirm });
  await button(notice, 'Send a link').click();
  await notice.getByText(`A link is on its way to ${BOB}.`).waitFor();
  await pictures(page, 'unconfirmed');
  const mail = await mailed('confirm', BOB);
  await scan(browser, mail);

  await followLink(ada, mail);
  await button(ada, 'Confirm').click();
  await says(ada, 'Enter the password of the account that this link is for.');
  await fill(ada, { Password: THIRD });
  await button(ada, 'Confirm').click();
  await says(ada, 'The password is wrong.');
  shows('the page still asks for the password', await ada.getByLabel('Password').count(), 1);
  await button(ada, 'Cancel').click();
  await isHome(ada, COUNTESS);

  const tab = await openLink(phone, mail);
  await button(tab, 'Confirm').click();
  await tells(tab, 'Your e-mail address is confirmed.');
  await button(tab, 'Continue').click();
  await isHome(tab, BOB);
  shows('there is no notice', await heading(tab, TITLES.confirm).count(), 0);
  await notice.waitFor({ state: 'detached' });
  await isHome(page, BOB);
  shows('nor in the other tab', await notice.count(), 0);
  await tab.close();
}

/** For a user without a password, who signs in by links alone. */
async function setFirstPassword(page) {
  await tell(`remove the password of ${BOB}`);
  await page.reload();
  await page.getByText('You have no password.').waitFor();
  await pictures(page, 'no-password');
  shows('what needs a password is not offered', await setting(page, 'Delete').count(), 0);
  await button(page, 'set one by a link').click();
  await fill(page, { 'E-mail': BOB });
  await button(page, 'Send a link').click();
  await followLink(page, await mailed('reset', BOB));
  await fill(page, { 'New password': SECOND });
  await button(page, 'Save and log in').click();
  await setting(page, 'Delete your account').waitFor();
}

async function signInByLink(browser, phone) {
  const tablet = await newContext(browser);
  const page = await open(tablet, PAGE, errors);
  await button(page, 'Log in by a link').click();
  await fill(page, { 'E-mail': BOB });
  await button(page, 'Send a link').click();
  await tells(page, `If ${BOB} has an account here, a link is on its way. Look into your mail.`);
  const mail = await mailed('sign-in', BOB);
  await scan(browser, mail);
  const tab = await openLink(tablet, mail);
  await button(tab, 'Log in').click();
  for (const each of [tab, page]) await isHome(each, BOB);
  await tab.close();
  await setFirstPassword(page);
  await tablet.close();

  const other = await openLink(phone, mail);
  await button(other, 'Log in').click();
  await heading(other, 'This link does not work any longer').waitFor();
  await button(other, 'Ask for another link').click();
  await button(other, 'Send a link').waitFor();
  await other.close();
}

async function deleteAccount(page, laptop) {
  const secondTab = await open(laptop, PAGE, errors);
  await isHome(secondTab, COUNTESS);
  const form = await openSetting(page, 'Delete your account');
  await fill(form, { 'Current password': FIRST });
  await button(form, 'Delete account').click();
  await says(form, 'The password is wrong.');
  await pictures(page, 'delete-account');
  await fill(form, { 'Current password': THIRD });
  await button(form, 'Delete account').click();
  await page.getByRole('status').filter({ hasText: 'Your account is deleted.' }).waitFor();
  await pictures(page, 'deleted');
  await heading(secondTab, 'Log in').waitFor();
  await refusesPassword(page, COUNTESS, THIRD);
  await secondTab.close();
}

async function closeRegistration(page) {
  await tell('close the registration');
  await page.reload();
  await button(page, 'Forgot your password?').waitFor();
  for (const label of ['Create an account', 'Log in by a link']) {
    shows(`${label} is not offered`, await button(page, label).count(), 0);
  }
}

async function story(browser) {
  const laptop = await newContext(browser);
  const phone = await newContext(browser);
  const page = await signUp(browser, laptop);
  await changeName(page);
  await forgetPassword(browser, page, phone);
  await changePassword(page);
  await changeEmailHere(browser, page);
  await changeEmailElsewhere(browser, page);
  await confirmEmail(browser, page, phone);
  await signInByLink(browser, phone);
  await deleteAccount(page, laptop);
  shows('no console shows an error', errors, []);
  await closeRegistration(page);
}

await servePages();
await play(story);
