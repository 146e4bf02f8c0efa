import type { MonacoEditor } from '@graphiql/react';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect, useSyncExternalStore } from 'react';
import type { Linked } from './links';
import { readLink } from './links';
import { blanked } from './secrets';
import type { Session } from './session';

/** Opens the operation in the fragment of the URL, now and after each change of it. */
export function LinkOpener({ session }: { session: Session }) {
  const open = useOpen();
  // A signed-in user needs no password for some of the operations.
  const { status } = useSyncExternalStore(session.subscribe, session.snapshot);
  useEffect(() => {
    if (!open || status === 'unknown') return;
    const follow = () => {
      const linked = readLink(location.hash, status === 'signedIn');
      if (!linked) return;
      open(linked);
      // Otherwise a reload opens it again.
      history.replaceState(null, '', location.pathname + location.search);
    };
    follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [open, status]);
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
    // A tab that was restored has no secrets.
    const same = [variables, blanked({ query, variables }).variables];
    const index = tabs.findIndex(
      (tab) => tab.query === query && same.includes(tab.variables ?? ''),
    );
    if (index >= 0) changeTab(index);
    else {
      addTab();
      queryEditor.setValue(query);
    }
    if ((tabs[index]?.variables ?? '') !== variables) variableEditor.setValue(variables);
    // GraphiQL runs the operation that the cursor is in.
    if (operationName) moveTo(queryEditor, query.search(new RegExp(`\\b${operationName}\\b`)));
    const blank = variables.indexOf('""');
    if (moveTo(variableEditor, blank < 0 ? blank : blank + 1)) variableEditor.focus();
  };
}

/** Moves the cursor to an offset; returns whether there is one. */
function moveTo(editor: MonacoEditor, offset: number): boolean {
  const position = offset >= 0 && editor.getModel()?.getPositionAt(offset);
  if (position) editor.setPosition(position);
  return Boolean(position);
}
