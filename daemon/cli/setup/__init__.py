"""The command `init`: asks for tokens, database and posts, and checks them."""
