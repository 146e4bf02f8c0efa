import { READY_OPERATIONS } from './operations';
import type { CleanStorage } from './storage';
import { TABS } from './storage';

/** What the editors show first: the tabs that were left here, else the ready ones. */

interface Tab {
  query: string | null;
  variables: string | null;
}

/** Returns the contents of the tab that is shown first; GraphiQL takes those of no tab for it. */
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
