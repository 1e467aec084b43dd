"""Words to judgement."""
