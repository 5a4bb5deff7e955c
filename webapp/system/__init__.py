"""Running the platform: supervisor, embedded broker, assets, health, the System page."""
