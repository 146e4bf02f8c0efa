import { beforeEach, expect, test } from 'vitest';
import { READY_OPERATIONS } from '../src/operations';
import { CleanStorage, TABS } from '../src/storage';
import { firstTab } from '../src/tabs';

class Memory {
  private readonly items = new Map<string, string>();
  get length() {
    return this.items.size;
  }
  key = (index: number) => [...this.items.keys()][index] ?? null;
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
  removeItem = (key: string) => void this.items.delete(key);
  text = () => JSON.stringify([...this.items]);
}

let browser: Memory;
let storage: CleanStorage;

beforeEach(() => {
  browser = new Memory();
  storage = new CleanStorage(browser);
});

const tab = {
  id: '1',
  title: 'A',
  query: 'mutation A { login(input: {password: "secret"}) { token } }',
  variables: '{"token": "secret", "email": "ada@example.com"}',
  headers: '{"Authorization": "Bearer secret"}',
  operationName: 'A',
  response: '{"data": "secret"}',
  hash: 'secret',
};

const tabs = (...list: object[]) => JSON.stringify({ tabs: list, activeTabIndex: 0 });

test('tabs come back without secrets, headers and responses', () => {
  storage.setItem(TABS, tabs(tab));

  expect(JSON.parse(storage.getItem(TABS) ?? '')).toEqual({
    activeTabIndex: 0,
    tabs: [
      {
        id: '1',
        title: 'A',
        query: 'mutation A { login(input: {password: ""}) { token } }',
        variables: '{"token": "", "email": "ada@example.com"}',
        headers: null,
        operationName: 'A',
        response: null,
        hash: null,
      },
    ],
  });
  expect(browser.text()).not.toContain('secret');
});

test('the ready tabs come back whole, though their password is not stored', () => {
  storage.setItem(TABS, tabs(...READY_OPERATIONS));

  const { tabs: restored } = JSON.parse(storage.getItem(TABS) ?? '');
  expect(restored).toMatchObject(READY_OPERATIONS);
  expect(browser.text()).not.toContain('correct horse');
});

test('a ready tab that was edited comes back as it was left', () => {
  const [register] = READY_OPERATIONS;
  const edited = { ...register, variables: register.variables.replace('Ada', 'Grace') };
  storage.setItem(TABS, tabs(edited));

  const { tabs: restored } = JSON.parse(storage.getItem(TABS) ?? '');
  expect(restored[0].variables).toContain('Grace');
  expect(restored[0].variables).toContain('"password": ""');
});

test('the history has no secrets and no headers, and nothing twice because of them', () => {
  const { query, headers } = tab;
  const another = query.replace('secret', 'guess');
  storage.setItem(
    'graphiql:queries',
    JSON.stringify({ queries: [{ query, headers }, { query: another }, { query: '{ welcome }' }] }),
  );

  expect(JSON.parse(storage.getItem('graphiql:queries') ?? '')).toEqual({
    queries: [{ query: query.replace('secret', '') }, { query: '{ welcome }' }],
  });
});

test.each(['headers', 'query', 'variables', 'something new'])('%s are not stored', (name) => {
  storage.setItem(`graphiql:${name}`, 'secret');

  expect(browser.length).toBe(0);
});

test('settings are stored as they are', () => {
  storage.setItem('graphiql:theme', 'dark');

  expect(storage.getItem('graphiql:theme')).toBe('dark');
});

test('what is cleared is what GraphiQL stored', () => {
  browser.setItem('another', 'one');
  storage.setItem('graphiql:theme', 'dark');
  storage.setItem('graphiql:editorFlex', '1');
  expect(storage.length).toBe(2);

  storage.clear();

  expect(browser.text()).toBe('[["another","one"]]');
});

test('the tab that was left is shown first, else the first ready one', () => {
  expect(firstTab(storage)).toMatchObject({ query: READY_OPERATIONS[0].query });

  storage.setItem(
    TABS,
    JSON.stringify({ tabs: [tab, { ...tab, query: '{ a }' }], activeTabIndex: 1 }),
  );

  expect(firstTab(storage)).toMatchObject({ query: '{ a }' });
});
