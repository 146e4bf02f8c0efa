import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect } from 'react';
import type { Linked } from './links';
import { readLink } from './links';

/** Opens the operation in the fragment of the URL, now and after each change of it. */
export function LinkOpener() {
  const open = useOpen();
  useEffect(() => {
    if (!open) return;
    const follow = () => {
      const linked = readLink(location.hash);
      if (!linked) return;
      open(linked);
      // Otherwise a reload opens it again.
      history.replaceState(null, '', location.pathname + location.search);
    };
    follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [open]);
  return null;
}

function useOpen(): ((linked: Linked) => void) | null {
  const { addTab, changeTab } = useGraphiQLActions();
  const { queryEditor, variableEditor, tabs } = useGraphiQL((state) => ({
    queryEditor: state.queryEditor,
    variableEditor: state.variableEditor,
    tabs: state.tabs,
  }));
  if (!queryEditor || !variableEditor) return null;
  return ({ query, variables, operationName }) => {
    const index = tabs.findIndex(
      (tab) => tab.query === query && (tab.variables ?? '') === variables,
    );
    if (index >= 0) return changeTab(index);
    addTab();
    queryEditor.setValue(query);
    variableEditor.setValue(variables);
    const start = operationName ? query.search(new RegExp(`\\b${operationName}\\b`)) : -1;
    // GraphiQL runs the operation that the cursor is in.
    const position = start >= 0 && queryEditor.getModel()?.getPositionAt(start);
    if (position) queryEditor.setPosition(position);
  };
}
