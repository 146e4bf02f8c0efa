import { ToolbarButton, useGraphiQL } from '@graphiql/react';
import { useEffect, useState } from 'react';
import { linkTo } from './links';

const LABEL = 'Copy a link to this operation';

/** Copies a link to the operation in the editors, and confirms it for 4 seconds. */
export function LinkButton() {
  const [message, setMessage] = useState('');
  const link = useLink();

  useEffect(() => {
    if (!message) return;
    const timer = setTimeout(() => setMessage(''), 4_000);
    return () => clearTimeout(timer);
  }, [message]);

  const copy = () => copied(link()).then(setMessage);
  return (
    <span className="link-button">
      <ToolbarButton onClick={() => void copy()} label={LABEL}>
        <LinkIcon />
      </ToolbarButton>
      <span role="status">{message}</span>
    </span>
  );
}

function useLink(): () => string {
  const editors = useGraphiQL(({ queryEditor, variableEditor, operationName, operations }) => ({
    queryEditor,
    variableEditor,
    operationName,
    operations,
  }));
  return () => {
    const { queryEditor, variableEditor, operationName, operations = [] } = editors;
    const query = queryEditor?.getValue() ?? '';
    const variables = variableEditor?.getValue() ?? '';
    const chosen = operations.length > 1 && operationName ? { operationName } : {};
    return linkTo(location.href, { query, variables, ...chosen });
  };
}

async function copied(link: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(link);
    return 'Link copied, without passwords and tokens';
  } catch {
    // The clipboard needs HTTPS or localhost.
    history.replaceState(null, '', link);
    return 'The link is in the address bar';
  }
}

function LinkIcon() {
  return (
    <svg
      className="graphiql-toolbar-icon"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <path d="M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.5 1.5" />
      <path d="M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1.5-1.5" />
    </svg>
  );
}
