import { type ReactNode, useEffect, useRef } from 'react';

/** Says what has happened, in place of a form. It takes the focus, which the form had. */
export function Done({ children }: { children: ReactNode }) {
  const text = useRef<HTMLParagraphElement>(null);

  useEffect(() => text.current?.focus(), []);

  return (
    <p ref={text} role="status" tabIndex={-1}>
      {children}
    </p>
  );
}
