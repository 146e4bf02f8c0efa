import { Card } from './Card';
import { Done } from './Done';
import { Field, Form } from './Form';

interface RequestLinkFormProps {
  error: unknown;
  isBusy: boolean;
  onBack: () => void;
  onSubmit: (input: { email: string }) => void;
  sentTo?: string;
  title: string;
}

/** The server does not tell whether there is an account, so the page cannot either. */
export function RequestLinkForm({
  error,
  isBusy,
  onBack,
  onSubmit,
  sentTo,
  title,
}: RequestLinkFormProps) {
  return (
    <Card title={title}>
      {sentTo === undefined ? (
        <Form
          error={error}
          isBusy={isBusy}
          submit="Send a link"
          onSubmit={(value) => onSubmit({ email: value('email') })}
        >
          <Field name="email" label="E-mail" type="email" autoComplete="username" error={error} />
        </Form>
      ) : (
        <Done>If {sentTo} has an account here, a link is on its way. Look into your mail.</Done>
      )}
      <p>
        <button type="button" className="link" onClick={onBack}>
          Back
        </button>
      </p>
    </Card>
  );
}
