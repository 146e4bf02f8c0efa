// What stories do in the playground.
import { open } from './stage.js';

export const QUERY = '.graphiql-query-editor';
const EXECUTE = '.graphiql-execute-button';
const SESSION = '.session-bar .session';

/** Opens the playground, ready to be typed in; counts what it asks the server for. */
export async function openPlayground(context, url, errors) {
  const page = await open(context, url, errors);
  const operations = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') operations.push(request.postDataJSON().query);
  });
  await page.waitForSelector(`${QUERY} .view-line`);
  await page.waitForSelector(`${SESSION} > *`);
  return { page, operations };
}

export const says = (page, text) => page.locator(SESSION).filter({ hasText: text }).waitFor();

export async function go(page, tab) {
  await page.click(`.graphiql-tab-button[title="${tab}"]`);
  await page.waitForTimeout(300);
}

/** Clicks the execute button, and returns the answer that is shown. */
export async function execute(page) {
  await page.click(EXECUTE);
  // The editor shows what is in sight only; its model has all of it.
  const answer = await page.waitForFunction(() => {
    if (document.querySelector('.graphiql-response .graphiql-spinner')) return null;
    const models = globalThis.__MONACO.editor.getModels();
    const text = models.find(({ uri }) => uri.path.endsWith('response.json')).getValue();
    return text && JSON.parse(text);
  });
  return answer.jsonValue();
}

export const codes = (answer) => answer.errors?.map(({ extensions }) => extensions?.code);
