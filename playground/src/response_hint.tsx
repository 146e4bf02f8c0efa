import { formatShortcutForOS, KEY_MAP, useGraphiQL } from '@graphiql/react';

const KEYS = formatShortcutForOS(KEY_MAP.runQuery.key, 'Cmd');

/** Explains the empty response pane. */
export function ResponseHint() {
  const isEmpty = useGraphiQL(
    ({ tabs, activeTabIndex, isFetching }) => !isFetching && !tabs[activeTabIndex]?.response,
  );
  if (!isEmpty) return null;
  return (
    <p className="response-hint">
      The response appears here.
      <br />
      Execute the operation with ▶ or {KEYS}.
    </p>
  );
}
