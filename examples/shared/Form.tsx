import { type ReactNode, type SubmitEvent, useEffect, useId, useRef } from 'react';
import { fieldErrorsFor, type Messages } from './errors';
import { ErrorNotice } from './Notice';

interface FormProps {
  children: ReactNode;
  error: unknown;
  isBusy: boolean;
  messages?: Messages;
  onSubmit: (value: (name: string) => string) => void;
  submit: string;
}

/** A form that only the server validates. */
export function Form({ children, error, isBusy, messages, onSubmit, submit }: FormProps) {
  const form = useRef<HTMLFormElement>(null);

  useEffect(() => {
    if (error) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [error]);

  function handleSubmit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    if (!isBusy) onSubmit((name) => String(values.get(name)));
  }

  return (
    <form ref={form} onSubmit={handleSubmit} noValidate>
      {children}
      {Boolean(error) && <ErrorNotice error={error} messages={messages} />}
      {/* A disabled button would lose the focus. */}
      <button type="submit" className="primary" aria-disabled={isBusy}>
        {submit}
      </button>
    </form>
  );
}

interface FieldProps {
  autoComplete: string;
  defaultValue?: string;
  error: unknown;
  hint?: string;
  label: string;
  name: string;
  type?: 'email' | 'password' | 'text';
}

export function Field({ error, hint, label, name, type = 'text', ...input }: FieldProps) {
  const id = useId();
  const message = error ? fieldErrorsFor(error)[name] : undefined;
  const description = message ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        {...input}
        id={id}
        name={name}
        type={type}
        aria-required
        aria-invalid={message !== undefined}
        aria-describedby={description && `${id}-description`}
      />
      {description && (
        <p id={`${id}-description`} className={message ? 'problem' : 'hint'}>
          {description}
        </p>
      )}
    </div>
  );
}
