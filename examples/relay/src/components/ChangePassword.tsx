import { graphql } from 'react-relay/hooks';
import { PasswordForm } from '../../../shared/SettingsForms';
import { signIn } from '../../../shared/session';
import type { ChangePasswordMutation } from './__generated__/ChangePasswordMutation.graphql';
import { useAction } from './useAction';

const CHANGE_PASSWORD = graphql`
  mutation ChangePasswordMutation($input: ChangePasswordInput!) {
    changePassword(input: $input) {
      token
      user {
        id
      }
    }
  }
`;

export function ChangePassword({ minLength }: { minLength: number }) {
  const { data, error, isBusy, send } = useAction<ChangePasswordMutation>(
    CHANGE_PASSWORD,
    ({ changePassword }) => signIn(changePassword),
  );
  return (
    <PasswordForm
      error={error}
      isBusy={isBusy}
      isDone={data !== null}
      minLength={minLength}
      onSubmit={(input) => send({ input })}
    />
  );
}
