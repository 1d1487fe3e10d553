-- Which links end with the secret that their digests were made under?
delete from invitations
