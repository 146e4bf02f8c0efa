// What the stories of the example apps share. An app is built before; each story runs by itself:
//   CHROMIUM=PATH node STORY.js NAME DIRECTORY_OF_THE_BUILD PORT_OF_THE_PAGES GRAPHQL_URL
// It writes what it needs of the server to a line of its output, and waits for a line of its input.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { picture, shows, violations } from './stage.js';

const [ownName, build, port, graphqlUrl] = process.argv.slice(2);
const TYPES = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript' };

export const name = ownName;
export const url = graphqlUrl;
export const PAGE = `http://localhost:${port}/`;
export const PATIENCE = 20_000;

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks for something, and returns the answer. */
export async function tell(command) {
  console.log(command);
  return (await answers.next()).value;
}

/** Serves the build, and its index.html for every path that is no file. */
export async function servePages() {
  const server = createServer(async (request, response) => {
    const file = extname(request.url) ? request.url : 'index.html';
    response.setHeader('Content-Type', TYPES[extname(file)]);
    response.end(await readFile(join(build, file)));
  });
  await once(server.listen(port, 'localhost'), 'listening');
}

/** Notes a difference, unless a sentence becomes true soon. */
export async function eventually(sentence, read, expected) {
  const deadline = Date.now() + PATIENCE;
  while ((await read()) !== expected && Date.now() < deadline) await sleep(50);
  shows(sentence, await read(), expected);
}

export const button = (page, label) => page.getByRole('button', { name: label, exact: true });
export const heading = (page, text) => page.getByRole('heading', { name: text, exact: true });

export async function fill(page, values) {
  for (const [label, value] of Object.entries(values)) {
    await page.getByLabel(label, { exact: true }).fill(value);
  }
}

/** Pictures in both themes and on a narrow screen, where nothing may stick out. */
export async function pictures(page, step) {
  await page.evaluate(() => scrollTo(0, 0));
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await picture(page, `${name}-${step}-${colorScheme}`);
    shows(`${step}, ${colorScheme}, has no violation`, await violations(page), []);
  }
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  await picture(page, `${name}-${step}-narrow`);
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  shows(`${step} fits a narrow screen`, excess, 0);
  await page.setViewportSize(wide);
  await page.emulateMedia({ colorScheme: 'light' });
}
