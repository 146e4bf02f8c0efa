import { formatShortcutForOS, KEY_MAP, useGraphiQL } from '@graphiql/react';

const KEYS = formatShortcutForOS(KEY_MAP.runQuery.key, 'Cmd');

/** Says where answers come from, as long as there is none. */
export function ResponseHint() {
  const isEmpty = useGraphiQL(
    ({ tabs, activeTabIndex, isFetching }) => !isFetching && !tabs[activeTabIndex]?.response,
  );
  if (!isEmpty) return null;
  return (
    <p className="response-hint">
      The answer shows here.
      <br />
      Execute the operation with ▶ or {KEYS}.
    </p>
  );
}
