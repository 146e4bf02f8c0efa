import { type ReactNode, useId } from 'react';

interface SectionProps {
  action?: string;
  children: ReactNode;
  isBusy?: boolean;
  onAction?: () => unknown;
  title: string;
}

export function Section({ action, children, isBusy, onAction, title }: SectionProps) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id} aria-busy={isBusy}>
      <div className="heading">
        <h2 id={id}>{title}</h2>
        {action && (
          <button type="button" onClick={() => onAction?.()}>
            {action}
          </button>
        )}
      </div>
      {children}
    </section>
  );
}
