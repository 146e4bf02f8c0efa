import type { ReactNode } from 'react';
import { takeFocus } from './focus';

/** A small page. */
export function Card({ children, title }: { children: ReactNode; title: string }) {
  return (
    <section className="card small">
      <title>{title}</title>
      <h1 ref={takeFocus} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </section>
  );
}
