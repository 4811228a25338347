"""What each action checks and brings about, by the stretch of the way it belongs to. Loaded by CaseworkConfig.ready."""
