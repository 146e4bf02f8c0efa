import { graphql } from 'react-relay/hooks';
import { ConfirmForm } from '../../../shared/ConfirmForm';
import { tellOtherTabs } from '../../../shared/session';
import type { ConfirmEmailMutation } from './__generated__/ConfirmEmailMutation.graphql';
import { useAction } from './useAction';

const CONFIRM_EMAIL = graphql`
  mutation ConfirmEmailMutation($input: ConfirmEmailInput!) {
    confirmEmail(input: $input) {
      user {
        id
        email
        emailConfirmedAt
      }
    }
  }
`;

interface ConfirmEmailProps {
  isSignedIn: boolean;
  onExpired: () => void;
  token: string;
}

export function ConfirmEmail({ token, ...props }: ConfirmEmailProps) {
  const { data, error, isBusy, send } = useAction<ConfirmEmailMutation>(
    CONFIRM_EMAIL,
    tellOtherTabs,
  );
  return (
    <ConfirmForm
      {...props}
      title="Confirm your e-mail address"
      done="Your e-mail address is confirmed."
      error={error}
      isBusy={isBusy}
      isDone={data !== null}
      onSubmit={(input) => send({ input: { ...input, token } })}
    />
  );
}
