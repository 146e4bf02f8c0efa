import { graphql } from 'react-relay/hooks';
import { closeLink } from '../../../shared/link';
import { ConfirmSignUpForm } from '../../../shared/SignInForms';
import { signIn } from '../../../shared/session';
import type { ConfirmSignUpMutation } from './__generated__/ConfirmSignUpMutation.graphql';
import { useAction } from './useAction';

const CONFIRM_SIGN_UP = graphql`
  mutation ConfirmSignUpMutation($input: ConfirmSignUpInput!) {
    confirmSignUp(input: $input) {
      token
      user {
        id
      }
    }
  }
`;

interface ConfirmSignUpProps {
  onExpired: () => void;
  token: string;
}

export function ConfirmSignUp({ token, ...props }: ConfirmSignUpProps) {
  const { error, isBusy, send } = useAction<ConfirmSignUpMutation>(CONFIRM_SIGN_UP, (data) => {
    closeLink();
    signIn(data.confirmSignUp);
  });
  return (
    <ConfirmSignUpForm
      {...props}
      error={error}
      isBusy={isBusy}
      onSubmit={(input) => send({ input: { ...input, token } })}
    />
  );
}
