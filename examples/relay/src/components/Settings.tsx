import { graphql, useFragment } from 'react-relay/hooks';
import { SettingsSection } from '../../../shared/SettingsSection';
import type { Settings_features$key } from './__generated__/Settings_features.graphql';
import type { Settings_user$key } from './__generated__/Settings_user.graphql';
import { ChangeEmail } from './ChangeEmail';
import { ChangeName } from './ChangeName';
import { ChangePassword } from './ChangePassword';
import { DeleteAccount } from './DeleteAccount';

const FEATURES = graphql`
  fragment Settings_features on Features {
    mail
    passwordMinLength
  }
`;

const USER = graphql`
  fragment Settings_user on User {
    hasPassword
    ...ChangeName_user
  }
`;

interface SettingsProps {
  features: Settings_features$key;
  onForgotPassword: () => void;
  user: Settings_user$key;
}

export function Settings({ onForgotPassword, ...keys }: SettingsProps) {
  const features = useFragment(FEATURES, keys.features);
  const user = useFragment(USER, keys.user);
  return (
    <SettingsSection
      changeEmail={<ChangeEmail />}
      changeName={<ChangeName user={user} />}
      changePassword={<ChangePassword minLength={features.passwordMinLength} />}
      deleteAccount={<DeleteAccount />}
      hasMail={features.mail}
      hasPassword={user.hasPassword}
      onForgotPassword={onForgotPassword}
    />
  );
}
