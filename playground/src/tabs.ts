import { READY_OPERATIONS } from './operations';
import type { CleanStorage } from './storage';
import { TABS } from './storage';

/** The first content of the editors: the stored tabs, otherwise the ready operations. */

interface Tab {
  query: string | null;
  variables: string | null;
}

/** Returns the content of the active tab, which GraphiQL does not read from the tabs itself. */
export function firstTab(storage: Pick<CleanStorage, 'getItem'>): Tab {
  const { tabs, activeTabIndex } = storedTabs(storage);
  return tabs[activeTabIndex] ?? READY_OPERATIONS[0];
}

function storedTabs(storage: Pick<CleanStorage, 'getItem'>): {
  tabs: Tab[];
  activeTabIndex: number;
} {
  try {
    return JSON.parse(storage.getItem(TABS) ?? '') as { tabs: Tab[]; activeTabIndex: number };
  } catch {
    return { tabs: [], activeTabIndex: 0 };
  }
}
