import { type ReactNode, useState } from 'react';

/** Its children are on the page only while it is open, so that they begin again each time. */
export function Disclosure({ children, title }: { children: ReactNode; title: string }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen && children}
    </details>
  );
}
