import { ErrorNotice } from './Notice';
import { Section } from './Section';

interface UnconfirmedNoticeProps {
  error: unknown;
  isBusy: boolean;
  onSend: () => void;
  sentTo?: string;
}

export function UnconfirmedNotice({ error, isBusy, onSend, sentTo }: UnconfirmedNoticeProps) {
  return (
    <Section
      title="Confirm your e-mail address"
      action="Send a link"
      isBusy={isBusy}
      onAction={onSend}
    >
      <p role="status">
        {sentTo ? `A link is on its way to ${sentTo}.` : 'We do not know yet that it is yours.'}
      </p>
      {Boolean(error) && <ErrorNotice error={error} />}
    </Section>
  );
}
