import { READY_OPERATIONS } from './operations';
import { blanked } from './secrets';

/** GraphiQL's storage of tabs, history and settings, without secrets, headers and responses. */

type Browser = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'length' | 'key'>;

interface Kept {
  query: string | null;
  variables?: string | null;
  headers?: unknown;
  response?: unknown;
  hash?: unknown;
}

export const TABS = 'graphiql:tabState';
const HISTORY = ['queries', 'favorites'];
const SETTINGS = ['theme', 'visiblePlugin', 'docExplorerFlex', 'editorFlex', 'secondaryEditorFlex'];

export class CleanStorage {
  constructor(private readonly browser: Browser) {}

  get length(): number {
    return this.keys().length;
  }

  getItem(key: string): string | null {
    const value = this.browser.getItem(key);
    return key === TABS && value ? withReadyOperations(value) : value;
  }

  setItem(key: string, value: string): void {
    const clean = cleaned(key, value);
    if (clean !== null) this.browser.setItem(key, clean);
  }

  removeItem(key: string): void {
    this.browser.removeItem(key);
  }

  clear(): void {
    for (const key of this.keys()) this.browser.removeItem(key);
  }

  private keys(): string[] {
    const { browser } = this;
    const all = Array.from({ length: browser.length }, (_, index) => browser.key(index) ?? '');
    return all.filter((key) => key.startsWith('graphiql:'));
  }
}

/** Returns the part of a value that may be stored; null for an unknown key. */
function cleaned(key: string, value: string): string | null {
  const name = key.replace('graphiql:', '');
  if (SETTINGS.includes(name)) return value;
  if (key === TABS) return edited<{ tabs: Kept[] }>(value, cleanTabs);
  if (HISTORY.includes(name)) {
    return edited<Record<string, Kept[]>>(value, (kept) => cleanHistory(name, kept));
  }
  return null;
}

function edited<T>(value: string, edit: (parsed: T) => T): string {
  return JSON.stringify(edit(JSON.parse(value) as T));
}

function cleanTabs(state: { tabs: Kept[] }): { tabs: Kept[] } {
  const clean = (tab: Kept) => ({ ...blanked(tab), headers: null, response: null, hash: null });
  return { ...state, tabs: state.tabs.map(clean) };
}

// Two entries that differ only in the password would be listed twice.
function cleanHistory(name: string, { [name]: items = [] }: Record<string, Kept[]>) {
  const texts = items.map(({ headers, ...item }) => JSON.stringify(blanked(item)));
  const distinct = texts.filter((text, index) => text !== texts[index - 1]);
  return { [name]: distinct.map((text) => JSON.parse(text) as Kept) };
}

/** Restores the example's password in the first tabs; it is not a secret. */
function withReadyOperations(value: string): string {
  return edited<{ tabs: Kept[] }>(value, (state) => ({
    ...state,
    tabs: state.tabs.map((tab) => ({ ...tab, ...readyLike(tab) })),
  }));
}

function readyLike({ query, variables }: Kept) {
  const ready = READY_OPERATIONS.find((operation) => {
    const stored = blanked(operation);
    return stored.query === query && stored.variables === variables;
  });
  return ready && { variables: ready.variables };
}
