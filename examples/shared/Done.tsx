import type { ReactNode } from 'react';
import { takeFocus } from './focus';

/** Says what has happened, in place of a form. */
export function Done({ children }: { children: ReactNode }) {
  return (
    <p ref={takeFocus} role="status" tabIndex={-1}>
      {children}
    </p>
  );
}
