// Uses the playground under a prefix: its files, its workers and its requests.
//   CHROMIUM=PATH node prefix.js GRAPHQL_URL [URL_THAT_LEADS_THERE]
import { open, play, shows } from './stage.js';

const url = process.argv[2];
const directory = url.replace(/[^/]*$/, '');
const start = process.argv[3] ?? directory;

await play(async (browser) => {
  const errors = [];
  const context = await browser.newContext();
  const requested = [];
  context.on('request', (request) => requested.push(request.url()));
  context.on('response', (response) => {
    if (!response.ok() && response.url() !== start)
      errors.push(`${response.status()}: ${response.url()}`);
  });
  const page = await open(context, start, errors);
  shows('the start leads to the playground', page.url(), url);
  await page.waitForSelector('.graphiql-query-editor .view-line');
  await page.waitForSelector('.session-bar .session > *');
  await page.click('.graphiql-execute-button');
  await page.locator('.session-bar .session').filter({ hasText: 'Ada Lovelace' }).waitFor();
  await page.reload();
  await page.locator('.session-bar .session').filter({ hasText: 'Ada Lovelace' }).waitFor();
  // Only now is the code that formats loaded.
  const formatter = page.waitForResponse((response) => response.url().includes('/lazy-'));
  await page.getByRole('button', { name: 'Prettify' }).click();
  shows('the formatter is loaded', (await formatter).ok(), true);

  const elsewhere = requested.filter(
    (each) => each.startsWith('http') && each !== start && !each.startsWith(directory),
  );
  shows('each request stays below the prefix', elsewhere, []);
  const workers = requested.filter((each) => each.includes('.worker-'));
  shows('workers are loaded', workers.length > 0, true);
  shows('no console shows an error or a warning', errors, []);
});
