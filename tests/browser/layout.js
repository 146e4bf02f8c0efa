// Uses the playground on narrow and wide screens, at 200 % zoom, and with axe-core:
//   CHROMIUM=PATH [SCREENSHOTS=DIRECTORY] node layout.js GRAPHQL_URL
// No rule of axe-core is off. Not checked are two lists of Monaco while they are open, which have
// ARIA attributes and labels that nothing outside of Monaco can change: its suggestions
// (`.suggest-widget`) and its command palette (`.quick-input-widget`).
import { codes, execute, go, openPlayground, says } from './graphiql.js';
import { picture, play, shows, violations } from './stage.js';

const [url] = process.argv.slice(2);
const SCREENS = [
  { width: 390, height: 844 },
  { width: 768, height: 1024 },
  { width: 1280, height: 800 },
];
// A screen of 1280 × 800 at 200 % zoom.
const ZOOMED = { width: 640, height: 400 };
const NARROWEST_PANE = 300;

/** Opens the page where no stylesheet and no script ever arrives. */
async function showsAFirstView(context) {
  const page = await context.newPage();
  await page.route('**/assets/**', () => {});
  await page.goto(url, { waitUntil: 'commit' });
  await page.waitForFunction(() => performance.getEntriesByType('paint').length > 0);
  const text = await page.getByRole('status').innerText();
  shows('something is seen at once', text, 'Loading the playground …');
  shows('the first view has no violation', await violations(page), []);
  await page.close();
}

/** Checks a state of the page by axe-core at each width, in light and dark. */
async function isAccessible(page, state) {
  for (const screen of SCREENS) {
    await page.setViewportSize(screen);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.waitForTimeout(300);
      const name = `${state}-${screen.width}-${colorScheme}`;
      await picture(page, `layout-${name}`);
      shows(`${name} has no violation`, await violations(page), []);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** Returns what sticks out of the screen, and which panes are too narrow to read. */
const misfits = (page) =>
  page.evaluate((narrowest) => {
    const panes = ['.graphiql-query-editor', '.graphiql-editor-tool', '.graphiql-response'];
    const boxOf = (selector) => document.querySelector(selector).getBoundingClientRect();
    const { left, right, top, bottom } = boxOf('.graphiql-toolbar');
    const { scrollWidth, scrollHeight } = document.documentElement;
    return {
      isWiderThanTheScreen: scrollWidth > innerWidth,
      isLongerThanItsPanes: scrollHeight > Math.ceil(boxOf('#root').height),
      narrowPanes: panes.filter((pane) => boxOf(pane).width < narrowest),
      hasToolbar: left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight,
    };
  }, NARROWEST_PANE);

/** Returns the buttons whose icon has a contrast below 3 (WCAG 1.4.11), which axe-core ignores. */
const faintIcons = (page) =>
  page.evaluate(() => {
    const { Color, flattenColors, getContrast } = globalThis.axe.commons.color;
    const colorOf = (text) => {
      const color = new Color();
      color.parseString(text);
      return color;
    };
    const backOf = (node) => {
      const color = colorOf(getComputedStyle(node).backgroundColor);
      return color.alpha === 1 || !node.parentElement ? color : backOf(node.parentElement);
    };
    const contrastOf = (icon) => {
      const back = backOf(icon);
      return getContrast(back, flattenColors(colorOf(getComputedStyle(icon).color), back));
    };
    return [...document.querySelectorAll('button > svg')]
      .filter((icon) => icon.checkVisibility() && contrastOf(icon) < 3)
      .map((icon) => icon.parentElement.ariaLabel);
  });

async function hasClearIcons(page) {
  for (const media of [
    { colorScheme: 'light' },
    { colorScheme: 'dark' },
    { colorScheme: 'light', forcedColors: 'active' },
  ]) {
    await page.emulateMedia(media);
    await page.waitForTimeout(300);
    shows(`the icons are clear with ${JSON.stringify(media)}`, await faintIcons(page), []);
  }
  await page.emulateMedia({ colorScheme: 'light', forcedColors: 'none' });
}

const focused = (page) =>
  page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.className);

/** A keyboard gets into each editor and out of it, and from a dialog back to where it was. */
async function worksByKeyboard(page) {
  await page.locator('.graphiql-editor').first().focus();
  await page.keyboard.press('Enter');
  shows('Enter leads into an editor', await focused(page), 'Editor content');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  shows('Escape leads out of it', await focused(page), 'Execute query (Ctrl-Enter)');
  const opener = page.getByRole('button', { name: 'Open short keys dialog' });
  await opener.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  shows('a dialog gives the focus back', await focused(page), 'Open short keys dialog');
}

async function fits(page) {
  for (const screen of [...SCREENS, ZOOMED]) {
    await page.setViewportSize(screen);
    await page.waitForTimeout(300);
    await picture(page, `layout-fits-${screen.width}`);
    const expected = {
      isWiderThanTheScreen: false,
      isLongerThanItsPanes: false,
      narrowPanes: [],
      hasToolbar: true,
    };
    shows(`${screen.width} × ${screen.height} pixels are enough`, await misfits(page), expected);
  }
}

/** The longest value of an answer, a token, is wrapped rather than cut. */
async function wrapsLines(page) {
  await page.setViewportSize(SCREENS[0]);
  await page.waitForTimeout(300);
  const cut = await page.evaluate(() =>
    globalThis.__MONACO.editor
      .getEditors()
      .filter((editor) => editor.getScrollWidth() > editor.getLayoutInfo().width)
      .map((editor) => editor.getModel().uri.path),
  );
  shows('nothing in an editor is beside its pane', cut, []);
}

async function runsAgain(page) {
  await go(page, 'Register');
  shows('an e-mail registers once', codes(await execute(page)), ['EMAIL_TAKEN']);
  await says(page, 'This e-mail has an account. Run Login.');
  await isAccessible(page, 'taken');
  await go(page, 'Login');
  await execute(page);
  await says(page, 'Ada Lovelace');
}

async function runsReadyOperations(page) {
  for (const name of ['Refresh', 'ChangePassword', 'Sessions', 'Login', 'Logout']) {
    await go(page, name);
    shows(`${name} works as it is`, codes(await execute(page)), undefined);
  }
  await says(page, 'Run Register or Login');
}

async function opensPanels(page) {
  const button = (name) => page.getByRole('button', { name });
  await button('Show Documentation Explorer').click();
  await isAccessible(page, 'docs');
  for (const type of ['Mutation', 'RegisterInput']) {
    await page.getByRole('link', { name: type }).first().click();
    await isAccessible(page, `docs-${type}`);
  }
  await button('Show History').click();
  await isAccessible(page, 'history');
  await button('Edit label').first().click();
  await isAccessible(page, 'history-label');
  await button('Hide History').click();
  await button('Prettify').hover();
  await page.locator('.graphiql-tooltip').waitFor();
  shows('a tooltip has no violation', await violations(page), []);
  for (const dialog of ['settings', 'short keys']) {
    await button(`Open ${dialog} dialog`).click();
    await isAccessible(page, dialog.replace(' ', '-'));
    await page.keyboard.press('Escape');
  }
}

await play(async (browser) => {
  const errors = [];
  const context = await browser.newContext({ viewport: SCREENS.at(-1) });
  await showsAFirstView(context);
  const { page } = await openPlayground(context, url, errors);
  await isAccessible(page, 'signed-out');
  await hasClearIcons(page);
  await worksByKeyboard(page);
  await execute(page);
  await says(page, 'Ada Lovelace');
  await isAccessible(page, 'answer');
  await fits(page);
  await wrapsLines(page);
  await runsAgain(page);
  await runsReadyOperations(page);
  await opensPanels(page);
  shows('no console shows an error or a warning', errors, []);
});
