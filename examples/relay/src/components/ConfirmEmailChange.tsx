import { graphql } from 'react-relay/hooks';
import { ConfirmForm } from '../../../shared/ConfirmForm';
import { tellOtherTabs } from '../../../shared/session';
import type { ConfirmEmailChangeMutation } from './__generated__/ConfirmEmailChangeMutation.graphql';
import { useAction } from './useAction';

const CONFIRM_EMAIL_CHANGE = graphql`
  mutation ConfirmEmailChangeMutation($input: ConfirmEmailChangeInput!) {
    confirmEmailChange(input: $input) {
      user {
        id
        email
        emailConfirmedAt
      }
    }
  }
`;

interface ConfirmEmailChangeProps {
  isSignedIn: boolean;
  onExpired: () => void;
  token: string;
}

export function ConfirmEmailChange({ token, ...props }: ConfirmEmailChangeProps) {
  const { data, error, isBusy, send } = useAction<ConfirmEmailChangeMutation>(
    CONFIRM_EMAIL_CHANGE,
    tellOtherTabs,
  );
  return (
    <ConfirmForm
      {...props}
      title="Confirm your new e-mail address"
      done="Your e-mail address has changed."
      error={error}
      isBusy={isBusy}
      isDone={data !== null}
      onSubmit={(input) => send({ input: { ...input, token } })}
    />
  );
}
