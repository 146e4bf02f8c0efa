import { useGraphiQL } from '@graphiql/react';
import { useEffect } from 'react';

/** Scrolls the row of tabs, which is longer than a narrow screen, to the active one. */
export function ActiveTab() {
  const index = useGraphiQL((state) => state.activeTabIndex);
  // biome-ignore lint/correctness/useExhaustiveDependencies: GraphiQL marks the tab with this index.
  useEffect(() => {
    const tab = document.querySelector('.graphiql-tab-active');
    tab?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [index]);
  return null;
}
