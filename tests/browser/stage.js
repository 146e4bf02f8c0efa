// What every story in a real browser needs: a browser that finds nothing but this machine, pages
// that report what goes wrong, a list of differences, and pictures of what a person would see.
//   CHROMIUM=PATH [SCREENSHOTS=DIRECTORY] node STORY.js …
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { inspect, isDeepStrictEqual } from 'node:util';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

// Playwright's `route` could block the network too, but with it Playwright itself answers every
// preflight, and lets it pass.
const LOOPBACK_ONLY = [
  '--no-proxy-server',
  // A name in .lan is a machine of the network, as far as the browser knows.
  '--host-resolver-rules=MAP *.lan 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost,' +
    ' EXCLUDE *.localhost, EXCLUDE 127.0.0.*',
];
const SCREENSHOTS =
  process.env.SCREENSHOTS ?? fileURLToPath(new URL('screenshots', import.meta.url));

const differences = [];
let checks = 0;

const shown = (value) => inspect(value, { depth: null, compact: true, breakLength: Infinity });

/** Notes a difference, unless a sentence about the product is true. */
export function shows(sentence, actual, expected) {
  checks += 1;
  if (!isDeepStrictEqual(actual, expected)) {
    differences.push(`not so: ${sentence}: ${shown(actual)} instead of ${shown(expected)}`);
  }
}

/** Opens a page, and adds to `errors` whatever its console, its policy or its network reports. */
export async function open(context, address, errors) {
  const page = await context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) {
      errors.push(`${page.url()}: ${message.type()}: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => errors.push(`${page.url()}: ${error}`));
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && !['localhost', '127.0.0.1'].includes(hostname)) {
      errors.push(`${page.url()}: wants something of another machine: ${request.url()}`);
    }
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      console.error(`against the policy: ${violatedDirective} ${blockedURI}`);
    });
  });
  await page.goto(address);
  return page;
}

/** Serves an empty page at a port of this machine. */
export async function servePages(port) {
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>A page</title>');
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
}

/** Keeps a picture of what the page shows. */
export async function picture(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
}

/** Lists what axe-core finds wrong with a page, by all of its rules. */
export async function violations(page) {
  // By the debugger of the browser, since the policy of a page may refuse the script.
  await page.evaluate(axe.source);
  const found = (await page.evaluate(() => globalThis.axe.run())).violations;
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any }) => `${id}: ${target} ${any.map(({ message }) => message)}`),
  );
}

/** Plays a story, with a browser of its own; ends the process, with 1 if anything differed. */
export async function play(story) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: LOOPBACK_ONLY,
  });
  try {
    await story(browser);
  } catch (error) {
    differences.push(`the story broke off: ${error.stack}`);
  } finally {
    await browser.close();
  }
  for (const difference of differences) console.log(difference);
  console.log(`${checks} checks, ${differences.length} differences`);
  process.exit(differences.length === 0 ? 0 : 1);
}
