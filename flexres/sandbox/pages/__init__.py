"""How pages are made: templates, styles and scripts, and the policy under which browsers show them."""
