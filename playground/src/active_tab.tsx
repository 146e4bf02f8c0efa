import { useGraphiQL } from '@graphiql/react';
import { useEffect } from 'react';

/** Scrolls the row of tabs, which is longer than a narrow screen, to the active one. */
export function ActiveTab() {
  const { index, title } = useGraphiQL(({ activeTabIndex, tabs }) => ({
    index: activeTabIndex,
    title: tabs[activeTabIndex]?.title,
  }));
  // biome-ignore lint/correctness/useExhaustiveDependencies: they choose the tab, and its width.
  useEffect(() => {
    const tab = document.querySelector('.graphiql-tab-active');
    tab?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [index, title]);
  return null;
}
