"""What is not Twilio's: the control endpoints, what people do by hand, and the pages that people look at."""
