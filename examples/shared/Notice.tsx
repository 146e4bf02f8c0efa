import type { ReactNode } from 'react';
import { type Messages, messageFor } from './errors';

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

interface ErrorNoticeProps {
  error: unknown;
  messages?: Messages;
  onRetry?: () => unknown;
}

export function ErrorNotice({ error, messages, onRetry }: ErrorNoticeProps) {
  return <Notice onRetry={onRetry}>{messageFor(error, messages)}</Notice>;
}
