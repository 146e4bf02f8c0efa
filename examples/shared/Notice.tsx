import type { ReactNode } from 'react';
import { messageFor } from './errors';

interface NoticeProps {
  children: ReactNode;
  onRetry?: () => unknown;
}

export function Notice({ children, onRetry }: NoticeProps) {
  return (
    <div className="notice" role="alert">
      <p>{children}</p>
      {onRetry && (
        <button type="button" onClick={() => onRetry()}>
          Try again
        </button>
      )}
    </div>
  );
}

export function ErrorNotice({ error, onRetry }: { error: unknown; onRetry?: () => unknown }) {
  return <Notice onRetry={onRetry}>{messageFor(error)}</Notice>;
}
