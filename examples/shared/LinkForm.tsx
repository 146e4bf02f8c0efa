import type { ReactNode } from 'react';
import { Card } from './Card';
import { Done } from './Done';
import { codeOf, type Messages } from './errors';
import { Form } from './Form';
import { closeLink } from './link';

export interface LinkFormProps {
  error: unknown;
  isBusy: boolean;
  onExpired: () => void;
}

interface Props extends LinkFormProps {
  children?: ReactNode;
  messages?: Messages;
  onSubmit: (value: (name: string) => string) => void;
  submit: string;
  title: string;
}

/** The page of a link. Nothing happens before the click. */
export function LinkForm({ children, onExpired, title, ...form }: Props) {
  if (codeOf(form.error) === 'LINK_EXPIRED') {
    return (
      <Card title="This link does not work any longer">
        <Done>It was used, it is too old, or you asked for another one.</Done>
        <button type="button" className="primary" onClick={onExpired}>
          Ask for another link
        </button>
      </Card>
    );
  }
  return (
    <Card title={title}>
      <Form {...form}>{children}</Form>
      <p>
        <button type="button" className="link" onClick={closeLink}>
          Cancel
        </button>
      </p>
    </Card>
  );
}
